import type { Dialect } from '../dialect.ts';
import { type ErrorCode, KilnError } from '../errors.ts';
import { outputFilename } from '../formats/find-format.ts';
import type { FormatId } from '../formats/format.ts';
import type { StepOptions } from '../options/image.ts';

/** Where each state may come from. Terminal states never move. */
const LEGAL_SOURCES = {
  draft: [],
  awaiting_upload: ['draft'],
  importing: ['draft', 'awaiting_upload'],
  queued: ['draft', 'awaiting_upload', 'importing'],
  processing: ['queued', 'importing'],
  ready: ['processing'],
  failed: ['awaiting_upload', 'importing', 'queued', 'processing'],
  cancelled: ['draft', 'awaiting_upload', 'importing', 'queued', 'processing'],
  expired: ['draft', 'awaiting_upload'],
} as const satisfies Record<string, readonly string[]>;

export type JobStatus = keyof typeof LEGAL_SOURCES;

export const JOB_STATUSES = Object.keys(LEGAL_SOURCES) as JobStatus[];
export const TERMINAL_STATUSES: readonly JobStatus[] = ['ready', 'failed', 'cancelled', 'expired'];

/** The states from which `target` may be reached in one move. */
export function legalSources(target: JobStatus): readonly JobStatus[] {
  return LEGAL_SOURCES[target];
}

export function isTerminal(status: JobStatus): boolean {
  return TERMINAL_STATUSES.includes(status);
}

/** An account, or a guest whom only a signed token identifies. */
export type Owner = { accountId: string } | { guestId: string };

export interface StoredError {
  code: ErrorCode;
  /** Safe to show. */
  message: string;
}

export interface JobInput {
  /** The upload that brings it and the file that it becomes share this id. */
  fileId: string;
  filename: string;
  /** As declared; what the bytes really are stands in `format`. */
  mime: string;
  /** Bytes, as declared. */
  size: number;
  format: FormatId | null;
  status: 'waiting' | 'ready' | 'failed';
  error: StoredError | null;
}

export interface JobConversion {
  /** Null until the bytes have been looked at, unless the caller insisted on one. */
  source: FormatId | null;
  target: FormatId;
  options: StepOptions;
  status: 'waiting' | 'processing' | 'ready' | 'failed';
  engine: string | null;
  /** Milliseconds that the engine worked. */
  engineMs: number | null;
  error: StoredError | null;
}

export interface JobOutput {
  fileId: string;
  filename: string;
  mime: string;
  size: number;
  sha256: string;
  width: number | null;
  height: number | null;
  expiresAt: Date;
}

export interface JobCallback {
  url: string;
  /** Sealed; the plain secret exists only while a delivery is signed. */
  sealedSecret: string | null;
  status: 'pending' | 'delivered' | 'failed';
  attempts: number;
}

export interface JobProgress {
  /** 0 to 100. */
  percent: number;
  stage: string;
}

export type JobEventType = 'status' | 'warning' | 'callback';

/** What happened, once. `cause` is deterministic, so that a repeated write is recognised. */
export interface JobEvent {
  type: JobEventType;
  /** The state after the event. */
  status: JobStatus;
  at: Date;
  cause: string;
  message: string | null;
}

export interface Job {
  _id: string;
  owner: string;
  /** The concurrency key, stored under its first name; absent where it is the owner. */
  lane?: string;
  /** Share of the engines against other owners, by the plan; 1 is that of a plan with one job at a time. */
  weight?: number;
  /** The batch that it came with. */
  batchId?: string;
  /** The job that it does again. */
  retryOf?: string;
  /** The API that it came through. */
  dialect: Dialect;
  status: JobStatus;
  inputs: JobInput[];
  conversions: JobConversion[];
  outputs: JobOutput[];
  warnings: string[];
  error: StoredError | null;
  progress: JobProgress;
  callback: JobCallback | null;
  /** Media credits that it used; absent when it was free or did not become ready. */
  spent?: number;
  /** Number of events so far; event i of the window has seq − events.length + i + 1. */
  seq: number;
  events: JobEvent[];
  createdAt: Date;
  updatedAt: Date;
  /** When the upload must have arrived. */
  uploadDeadline: Date;
  finishedAt: Date | null;
  /**
   * When somebody looks whether the job is in good hands, unless it gives a sign of life before. Open jobs
   * of earlier versions lack it until the first start; ended ones have none.
   */
  repairAt?: Date;
}

/** A job without the events, which grow. */
export type JobSummary = Omit<Job, 'events'>;

/** The move of a job whose upload is complete, which its workflow repeats. */
export const UPLOAD_COMPLETED = {
  to: 'queued',
  cause: 'upload-completed',
  patch: { progress: { percent: 0, stage: 'queued' } },
} as const;

/** Older events fall out of the window; a reader who is further behind gets a snapshot. */
export const EVENT_WINDOW = 500;

export type NumberedEvent<Event = JobEvent> = Event & { seq: number };

export interface EventsAfter<Event = JobEvent> {
  events: NumberedEvent<Event>[];
  /** True when events between `after` and the window are gone. */
  truncated: boolean;
}

/** The events that a reader who has seen `after` still has to see, oldest first. */
export function eventsAfter<Event>(
  { seq, events: window }: { seq: number; events: readonly Event[] },
  after: number,
): EventsAfter<Event> {
  const first = seq - window.length + 1;
  const events = window
    .map((event, i) => ({ ...event, seq: first + i }))
    .filter((event) => event.seq > after);
  return { events, truncated: after + 1 < first };
}

/** One string per owner, the unit of listing, limits and fairness. */
export function ownerKey(owner: Owner): string {
  return 'accountId' in owner ? `account:${owner.accountId}` : `guest:${owner.guestId}`;
}

/** The concurrency key of a job: whom the concurrency of its plan counts for. */
export function concurrencyKeyOf({ lane, owner }: Pick<Job, 'lane' | 'owner'>): string {
  return lane ?? owner;
}

/** @throws KilnError WRONG_STATE that says what the job is doing instead. */
export function rejectTransition(job: Pick<Job, 'status'>, target: JobStatus): never {
  throw new KilnError('WRONG_STATE', `The job is ${job.status} and cannot become ${target}.`);
}

/** Faults that are not the file's: the same file may be converted another time. */
const CODES_THAT_KEEP_UPLOADS: ReadonlySet<ErrorCode> = new Set([
  'INSUFFICIENT_CREDITS',
  'ENGINE_TIMEOUT',
  'RESOURCE_LIMIT',
  'ENGINE_CRASHED',
  'INSUFFICIENT_STORAGE',
  'UNAVAILABLE',
  'INTERNAL',
]);

/** Whether an ended job keeps what was uploaded for it, so that it can be done again without sending it again. */
export function keepsUpload({ status, error }: Pick<Job, 'status' | 'error'>): boolean {
  return status === 'failed' && error !== null && CODES_THAT_KEEP_UPLOADS.has(error.code);
}

/** The name of a job's result, known before it exists. */
export function resultName(job: Pick<Job, 'inputs' | 'conversions'>): string {
  return outputFilename(job.inputs[0]?.filename ?? 'file', job.conversions[0]?.target ?? 'bin');
}
