import { KilnError } from '../src/domain/errors.ts';
import { isId } from '../src/domain/id.ts';
import { notACursor, type Page } from '../src/domain/page.ts';

/** The arguments of a connection, as Relay names them. */
interface PageArguments {
  first?: number | null | undefined;
  last?: number | null | undefined;
  after?: string | null | undefined;
  before?: string | null | undefined;
}

const DEFAULT_SIZE = 25;
const MAX_SIZE = 100;
/** Before the first id that can exist. */
const DAWN = '00000000-0000-0000-0000-000000000000';

/** What a list is sorted by: a text that a cursor carries. */
export interface SortKey<T> {
  of(node: T): string;
  isKey(text: string): boolean;
  /** Before the first that can exist. */
  first: string;
}

const BY_ID: SortKey<{ _id: string }> = { of: ({ _id }) => _id, isKey: isId, first: DAWN };

/**
 * Reads one page of a list that shows the newest first.
 * NOTE: `after` of a connection means further down the list, so older: `before` of the query.
 */
export async function pageOf<T extends { _id: string }>(
  args: PageArguments,
  list: (query: Page) => Promise<readonly T[]>,
  key: SortKey<T> = BY_ID,
) {
  const size = sizeOf(args);
  const backward = typeof args.last === 'number';
  const found = await list({ ...boundsOf(args, backward, key), limit: size + 1 });
  const page = found.slice(0, size);
  if (backward) page.reverse();
  const edges = page.map((node) => ({ cursor: cursorOf(key.of(node)), node }));
  const more = found.length > size;
  return {
    edges,
    pageInfo: {
      startCursor: edges.at(0)?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
      // A cursor is the place of an item that was seen, so there is at least that one on its side.
      hasPreviousPage: Boolean(args.after) || (backward && more),
      hasNextPage: Boolean(args.before) || (!backward && more),
    },
  };
}

/** What a connection costs before it is read: each item costs what is asked of it. */
export function pageCost({ first, last }: PageArguments): { field: number; multiplier: number } {
  const size = Math.max(first ?? last ?? DEFAULT_SIZE, 1);
  return { field: size, multiplier: size };
}

function sizeOf({ first, last, after }: PageArguments): number {
  if (typeof last === 'number' && (typeof first === 'number' || after)) {
    throw new KilnError('INVALID_INPUT', '`last` cannot be combined with `first` or `after`.', {
      field: 'last',
      hint: 'Use `first` with `after` to go down the list, `last` with `before` to go up.',
    });
  }
  const size = first ?? last ?? DEFAULT_SIZE;
  if (size >= 0 && size <= MAX_SIZE) return size;
  throw new KilnError('INVALID_INPUT', `A page holds 0 to ${MAX_SIZE} items, not ${size}.`, {
    field: typeof first === 'number' ? 'first' : 'last',
  });
}

function boundsOf<T>(
  { after, before }: PageArguments,
  backward: boolean,
  key: SortKey<T>,
): Omit<Page, 'limit'> {
  const place = (cursor: string, field: string) => keyOf(cursor, field, key);
  if (backward) return { after: before ? place(before, 'before') : key.first };
  return {
    ...(after && { before: place(after, 'after') }),
    ...(before && { after: place(before, 'before') }),
  };
}

function cursorOf(key: string): string {
  return Buffer.from(key).toString('base64url');
}

function keyOf<T>(cursor: string, field: string, { isKey }: SortKey<T>): string {
  const key = Buffer.from(cursor, 'base64url').toString();
  if (isKey(key)) return key;
  throw notACursor(field);
}
