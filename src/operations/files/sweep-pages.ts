import type { Swept } from '../../domain/files/retention.ts';
import type { Cursor } from '../../store/mongo/expired.ts';

/** What became of one page of documents. */
export interface SweptPage<T> {
  /** The last one of the page. */
  last: T | undefined;
  /** The time by which they are ordered. */
  field: keyof T;
  /** Whether there may be more. */
  full: boolean;
  /** How many of them were removed. */
  removed: number;
}

/** What became of the documents of a page. */
export function pageOf<T>(
  documents: readonly T[],
  field: keyof T,
  { limit }: { limit: number },
  removed: readonly T[],
): SweptPage<T> {
  return { last: documents.at(-1), field, full: documents.length === limit, removed: removed.length };
}

export function sweptPage<T extends { _id: string }>({ last, field, full, removed }: SweptPage<T>): Swept {
  const at = last?.[field];
  const next = full && last && at instanceof Date ? `${at.getTime()}:${last._id}` : null;
  return { next, removed };
}

/** The place that `sweptPage` named. */
export function cursorOf(next: string | null): Cursor | null {
  const [, at, id] = /^(-?\d+):(.*)$/s.exec(next ?? '') ?? [];
  return at === undefined || id === undefined ? null : { at: new Date(Number(at)), id };
}
