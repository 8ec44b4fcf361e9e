import type { FormatId } from '../formats/format.ts';
import type { StoredError } from '../jobs/job.ts';

const OPEN_UPLOAD = 'upload:';

/** One stored object that belongs to an owner. */
export interface StoredFile {
  _id: string;
  owner: string;
  blobId: string;
  filename: string;
  /** Bytes. */
  size: number;
  sha256: string;
  /** The format of the bytes; null until they are read, or for an archive. */
  format: FormatId | null;
  mime: string;
  width: number | null;
  height: number | null;
  /** Duration of audio or video; null for others or until it is read; absent in files of earlier versions. */
  seconds?: number | null;
  origin: 'upload' | 'output';
  jobId: string | null;
  /** The batch whose results it holds; absent unless it is an archive. */
  batchId?: string;
  createdAt: Date;
  expiresAt: Date;
}

/**
 * An upload that is awaited or has arrived; the file that it becomes has the same id.
 * `open` → `received` (bytes are there, may be replaced) → `finalized`; or `rejected` for good.
 */
export interface Upload {
  _id: string;
  owner: string;
  jobId: string | null;
  filename: string;
  mime: string;
  /** Bytes, as declared; the stored ones must agree. */
  size: number;
  state: 'open' | 'received' | 'finalized' | 'rejected';
  blobId: string | null;
  received: { size: number; sha256: string } | null;
  fault: StoredError | null;
  createdAt: Date;
  expiresAt: Date;
  /**
   * The concurrency key, stored under its first name, of an upload without a job; absent with a job, which has it.
   */
  lane?: string;
  /** When it became a file; absent before, and in uploads of earlier versions. */
  finalizedAt?: Date;
}

/** Returns the name of an upload without a job in `Admission.open`; others go by their job's id. */
export function openUploadId({ _id }: Pick<Upload, '_id'>): string {
  return `${OPEN_UPLOAD}${_id}`;
}

/** Returns the ids of the uploads without a job in `Admission.open`. */
export function uploadsAmong(awaited: readonly string[]): string[] {
  return awaited.filter((id) => id.startsWith(OPEN_UPLOAD)).map((id) => id.slice(OPEN_UPLOAD.length));
}

/** Whether the upload may still receive bytes or be completed. */
export function isAwaited({ state, expiresAt }: Pick<Upload, 'state' | 'expiresAt'>, now: number): boolean {
  return (state === 'open' || state === 'received') && expiresAt.getTime() > now;
}

/** An upload whose bytes are there. */
export type ReceivedUpload = Upload & {
  blobId: string;
  received: NonNullable<Upload['received']>;
};

export function isReceived(upload: Upload): upload is ReceivedUpload {
  return upload.blobId !== null && upload.received !== null;
}
