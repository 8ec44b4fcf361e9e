import type { Readable } from 'node:stream';

/** What a write found out about the bytes. */
export interface BlobInfo {
  /** Bytes. */
  size: number;
  /** In lower-case hex. */
  sha256: string;
}

export interface WriteLimits {
  /** Most bytes; a longer stream ends with KilnError TOO_LARGE and leaves nothing behind. */
  maxBytes: number;
  signal?: AbortSignal;
}

export interface ByteRange {
  start: number;
  /** Inclusive, as in HTTP. */
  end: number;
}

/**
 * Stores bytes under ids that Kiln makes, never a user. A blob appears whole or not at all, survives a power
 * cut, and is replaced whole when the same id is written again. Attempts at the same result are named
 * `<name>~<attempt>`.
 * @throws KilnError NOT_FOUND for a blob that is missing, INSUFFICIENT_STORAGE when the disk is full.
 */
export interface BlobStore {
  /** Streams `source` into the store and digests it on the way; never holds all of it in memory. */
  write(id: string, source: Readable, limits: WriteLimits): Promise<BlobInfo>;
  /** Moves a finished local file into the store: it is gone from `path` afterwards. */
  adopt(id: string, path: string): Promise<BlobInfo>;
  read(id: string, range?: ByteRange): Promise<Readable>;
  /** Returns a local path, for reading only, that lives until the attempt's scratch directory is removed. */
  localPath(id: string, scratchDir: string): Promise<string>;
  size(id: string): Promise<number>;
  /** Removes a blob; does nothing if there is none. */
  remove(id: string): Promise<void>;
  /** Returns the ids of the stored attempts at the same result. */
  attemptsAt(name: string): Promise<string[]>;
  /** Over how many folders blobs are spread. */
  readonly folders: number;
  /** Returns the ids of the blobs of the n-th folder that were written before `before`. */
  listOld(folder: number, before: Date): Promise<string[]>;
  /** Removes half-written blobs of processes that have ended, and older ones of any process. @returns how many. */
  sweepUnfinished(olderThanMs: number): Promise<number>;
}
