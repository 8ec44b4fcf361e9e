/** What a sweep removes, in this order: what is kept because others need it comes after them. */
export const SWEEP_KINDS = [
  'deliveries',
  'batches',
  'jobs',
  'uploads',
  'files',
  'windows',
  'idempotency',
  'blobs',
  'scratch',
] as const;

export type SweepKind = (typeof SWEEP_KINDS)[number];

/** One step of a sweep. */
export interface SweepStep {
  kind: SweepKind;
  /** `next` of the step before; null for the first of a kind. */
  after: string | null;
}

/** The result of a step. */
export interface Swept {
  /** The `after` of the next step; null if there is nothing more of this kind. */
  next: string | null;
  /** How much was removed. */
  removed: number;
}

/** Lifetimes, in milliseconds. */
export interface Retention {
  /** How long an upload may take to arrive. */
  uploadMs: number;
  /** From the arrival of a file, or the making of a result. */
  fileMs: number;
  /** From the end of a job or batch. */
  jobMs: number;
  /** From the end of a webhook delivery. */
  deliveryMs: number;
  /** Between two sweeps. */
  sweepMs: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** How long after its end a thing is kept: somebody who saw it before may still be writing that it is needed. */
export const GRACE_MS = 30_000;

/**
 * The longest that a file is kept beyond its expiry because a webhook delivery links to it. All attempts of a
 * delivery take 75 hours; an endpoint may be paused for longer.
 */
export const LINKED_MS = 7 * 24 * HOUR_MS;

/** Returns the age, five minutes to six hours, from which bytes that no document names are removed. */
export function orphanMs({ fileMs }: Pick<Retention, 'fileMs'>): number {
  return Math.min(6 * HOUR_MS, Math.max(5 * MINUTE_MS, fileMs));
}

/**
 * Returns the blob folders that a sweep at `now` checks: from `from` up to, not including, `to`. All folders are
 * checked once within `cycleMs`, so that a sweep costs the same however many blobs there are.
 */
export function foldersOfSweep(
  now: number,
  { folders, sweepMs, cycleMs }: { folders: number; sweepMs: number; cycleMs: number },
): { from: number; to: number } {
  const each = Math.min(folders, Math.ceil((folders * sweepMs) / cycleMs));
  const parts = Math.ceil(folders / each);
  const from = (Math.floor(now / sweepMs) % parts) * each;
  return { from, to: Math.min(folders, from + each) };
}
