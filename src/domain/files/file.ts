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
  /** What the bytes are, not what the name says. Null when unknown to us. */
  format: FormatId | null;
  mime: string;
  width: number | null;
  height: number | null;
  /** Length of sound or moving pictures, once it has been read; absent in files of earlier versions. */
  seconds?: number | null;
  origin: 'upload' | 'output';
  jobId: string | null;
  /** The batch whose results it holds; absent unless it is an archive. */
  batchId?: string;
  createdAt: Date;
  expiresAt: Date;
}

/**
 * An intent to bring a file; the file will carry the upload's id.
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
  /** The concurrency key that it counts for as an open upload; absent where its job says so. */
  lane?: string;
  /** When it became a file; absent before, and in uploads of earlier versions. */
  finalizedAt?: Date;
}

/** What an upload without a job is called among the open ones of an admission; all others go by their job. */
export function openUploadId({ _id }: Pick<Upload, '_id'>): string {
  return `${OPEN_UPLOAD}${_id}`;
}

/** The uploads without a job among the open ones of an admission. */
export function uploadsAmong(awaited: readonly string[]): string[] {
  return awaited.filter((id) => id.startsWith(OPEN_UPLOAD)).map((id) => id.slice(OPEN_UPLOAD.length));
}

/** Whether bytes may still come, or be declared complete. */
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
