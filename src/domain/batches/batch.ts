import type { Dialect } from '../dialect.ts';
import { KilnError } from '../errors.ts';
import { safeName } from '../files/archive-names.ts';
import { isTerminal, type JobStatus, type StoredError } from '../jobs/job.ts';

/** Jobs of one batch. */
export const MAX_BATCH_JOBS = 1000;
const MAX_LABEL = 80;

/** `processing` until the last job has ended; `partial` when some of them are ready and some are not. */
export type BatchStatus = 'processing' | 'ready' | 'partial' | 'failed' | 'cancelled';

/** How a job of a batch ended. One that is not there at all was lost when the batch was submitted. */
export type Outcome = Extract<JobStatus, 'ready' | 'failed' | 'cancelled' | 'expired'>;

/** Jobs by where they stand. */
export interface BatchCounts {
  total: number;
  /** Not ended yet. */
  pending: number;
  ready: number;
  failed: number;
  cancelled: number;
  expired: number;
}

/** What happened, once: a job ended, or the batch as a whole moved. */
export interface BatchEvent {
  type: 'status' | 'job' | 'archive';
  /** The state of the batch after the event. */
  status: BatchStatus;
  at: Date;
  cause: string;
  jobId: string | null;
  outcome: Outcome | null;
  message: string | null;
}

/** All results in one ZIP file. */
export interface BatchArchive {
  fileId: string | null;
  filename: string;
  size: number | null;
  expiresAt: Date | null;
  /** Why there is none. */
  error: StoredError | null;
}

/** Jobs that were asked for together. They are ordinary jobs: the batch only counts them. */
export interface Batch {
  _id: string;
  owner: string;
  dialect: Dialect;
  label: string | null;
  status: BatchStatus;
  /** In the order in which they were asked for. */
  jobIds: string[];
  /** How many jobs there are, and how many of them are counted: what the lists say, for whoever does not read them. */
  total: number;
  ended: number;
  /** By job id, as far as they are known. */
  outcomes: Record<string, Outcome>;
  /** How many of them ended how; absent, or short of `ended`, in batches of earlier versions. */
  ends?: Partial<Record<Outcome, number>>;
  /** Null unless one is wanted. */
  archive: BatchArchive | null;
  /** The batch whose failed jobs this one does again. */
  retryOf: string | null;
  /** Set once somebody wants it to end. */
  cancelReason: string | null;
  /** Its jobs are still being written; absent afterwards, and in batches of earlier versions. */
  submitting?: true;
  seq: number;
  events: BatchEvent[];
  createdAt: Date;
  updatedAt: Date;
  /** When to look whether it stands still though it should not; unless it is over. */
  checkAt?: Date;
  finishedAt: Date | null;
}

/** A batch without its lists, which grow with its jobs. */
export type BatchSummary = Omit<Batch, 'events' | 'outcomes' | 'jobIds'>;

/** What a new batch is made of. */
export type NewBatch = Pick<Batch, '_id' | 'owner' | 'dialect' | 'label' | 'jobIds' | 'retryOf'> & {
  wantsArchive: boolean;
};

/** A batch as it is first written. */
export function newBatch({ wantsArchive, ...batch }: NewBatch): Batch {
  const now = new Date();
  return {
    ...batch,
    status: 'processing',
    total: batch.jobIds.length,
    ended: 0,
    outcomes: {},
    ends: {},
    archive: wantsArchive ? emptyArchive(batch.label) : null,
    cancelReason: null,
    submitting: true,
    seq: 1,
    events: [eventOf({ type: 'status', status: 'processing', at: now, cause: 'submitted' })],
    createdAt: now,
    updatedAt: now,
    finishedAt: null,
  };
}

/** @throws KilnError INVALID_INPUT */
export function requireLabel(label: string | null | undefined): string | null {
  if (label === null || label === undefined || label === '') return null;
  if ([...label].length <= MAX_LABEL) return label;
  throw new KilnError('INVALID_INPUT', `The label may have at most ${MAX_LABEL} characters.`, {
    field: 'label',
  });
}

/** @throws KilnError INVALID_INPUT */
export function requireBatchSize(jobs: number, most = MAX_BATCH_JOBS): void {
  if (jobs >= 1 && jobs <= most) return;
  throw new KilnError('INVALID_INPUT', `A batch has 1 to ${most} jobs, not ${jobs}.`, {
    field: 'jobs',
    hint: jobs > most ? 'Split it into several batches.' : 'Name at least one job.',
  });
}

export function isOver({ status }: Pick<Batch, 'status'>): boolean {
  return status !== 'processing';
}

export function countsOf({ jobIds, outcomes }: Pick<Batch, 'jobIds' | 'outcomes'>): BatchCounts {
  return countsBy(jobIds.length, endsOf(outcomes));
}

/** The same without the lists; null when the batch is of a version that did not keep count. */
export function knownCounts({ total, ended, ends = {} }: BatchSummary): BatchCounts | null {
  const counts = countsBy(total, ends);
  return counts.pending === total - ended ? counts : null;
}

/** How many jobs ended how. */
export function endsOf(outcomes: Batch['outcomes']): Record<Outcome, number> {
  const ends = { ready: 0, failed: 0, cancelled: 0, expired: 0 };
  for (const outcome of Object.values(outcomes)) ends[outcome] += 1;
  return ends;
}

function countsBy(total: number, ends: Partial<Record<Outcome, number>>): BatchCounts {
  const counts = { ready: 0, failed: 0, cancelled: 0, expired: 0, ...ends };
  const { ready, failed, cancelled, expired } = counts;
  return { ...counts, total, pending: total - ready - failed - cancelled - expired };
}

/** How a batch ends whose jobs have all ended. */
export function finalStatus({ total, ready, cancelled }: BatchCounts): Exclude<BatchStatus, 'processing'> {
  if (ready === total) return 'ready';
  if (ready > 0) return 'partial';
  return cancelled === total ? 'cancelled' : 'failed';
}

/** Nobody who writes the jobs of a batch is silent for so long. */
const SUBMISSION_MS = 120_000;

/** Whether somebody may still write jobs of the batch, so that those which are missing are not lost. */
export function isBeingSubmitted(
  { submitting, updatedAt }: Pick<Batch, 'submitting' | 'updatedAt'>,
  now: number,
): boolean {
  return submitting === true && now - updatedAt.getTime() < SUBMISSION_MS;
}

/** The jobs of a batch that have not been counted. */
export function uncounted({ jobIds, outcomes }: Pick<Batch, 'jobIds' | 'outcomes'>): string[] {
  return jobIds.filter((id) => !Object.hasOwn(outcomes, id));
}

/** How a job ended; null while it has not. */
export function outcomeOf(status: JobStatus | undefined): Outcome | null {
  // A crash in the middle of a submission leaves a batch that names jobs which were never written.
  if (status === undefined) return 'failed';
  return isTerminal(status) ? (status as Outcome) : null;
}

/** What counting some jobs amounts to. */
export interface Recount {
  outcomes: Batch['outcomes'];
  events: BatchEvent[];
}

/**
 * Counts the jobs that have ended since the last time; null when there are none.
 * @param missing whether all jobs were looked for, so that one without a state does not exist.
 */
export function recount(
  batch: Batch,
  statuses: ReadonlyMap<string, JobStatus>,
  { at, missing }: { at: Date; missing: boolean },
): Recount | null {
  const outcomes = { ...batch.outcomes };
  const events: BatchEvent[] = [];
  for (const jobId of uncounted(batch)) {
    const status = statuses.get(jobId);
    const outcome = status === undefined && !missing ? null : outcomeOf(status);
    if (outcome === null) continue;
    outcomes[jobId] = outcome;
    const message = status === undefined ? 'The job was lost when the batch was submitted.' : null;
    events.push(endOf(jobId, outcome, at, message));
  }
  return events.length > 0 ? { outcomes, events } : null;
}

/** The event that a job has ended. */
export function endOf(jobId: string, outcome: Outcome, at: Date, message: string | null = null): BatchEvent {
  return { type: 'job', status: 'processing', at, cause: `job:${jobId}`, jobId, outcome, message };
}

/** An event of which only what matters was said. */
export function eventOf(
  event: Pick<BatchEvent, 'type' | 'status' | 'at' | 'cause'> & Partial<BatchEvent>,
): BatchEvent {
  return { jobId: null, outcome: null, message: null, ...event };
}

/** What the ZIP of a batch is called. */
export function archiveFilename(label: string | null): string {
  return `${safeName(label ?? 'results')}.zip`;
}

function emptyArchive(label: string | null): BatchArchive {
  return {
    fileId: null,
    filename: archiveFilename(label),
    size: null,
    expiresAt: null,
    error: null,
  };
}
