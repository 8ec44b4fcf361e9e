/** What a sweep removes, in this order: whoever is spared for the sake of others comes after them. */
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
  /** What the step before said; null for the first of a kind. */
  after: string | null;
}

/** What a step of a sweep did, and where the next one begins. */
export interface Swept {
  /** To be handed to the next step; null when there is nothing more of this kind. */
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

/** So long after its end nothing is removed yet: whoever saw it alive may still be writing that it is needed. */
export const GRACE_MS = 30_000;

/**
 * So much longer than usual a file waits at the most for a webhook delivery that links to it. All attempts
 * at one take 75 hours; an endpoint may be paused for longer.
 */
export const LINKED_MS = 7 * 24 * HOUR_MS;

/** Between five minutes and six hours: bytes this old that no document names are nobody's. */
export function orphanMs({ fileMs }: Pick<Retention, 'fileMs'>): number {
  return Math.min(6 * HOUR_MS, Math.max(5 * MINUTE_MS, fileMs));
}

/**
 * Which of the folders a sweep at `now` looks through: all of them in turn, once within `cycleMs`, so that
 * a sweep costs the same however many blobs there are.
 * @returns the first one, and the one behind the last.
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
