import type { Readable } from 'node:stream';

export interface BlobInfo {
  /** Bytes. */
  size: number;
  /** Lower-case hex. */
  sha256: string;
}

export interface WriteLimits {
  /** More bytes than this end the write with TOO_LARGE and leave nothing behind. */
  maxBytes: number;
  signal?: AbortSignal;
}

export interface ByteRange {
  start: number;
  /** Inclusive, as in HTTP. */
  end: number;
}

/**
 * Where bytes rest. Ids are made by us, never by a user. A blob appears whole or not at all, stays through
 * a power cut, and writing the same id again replaces it whole. Attempts at the same thing are named
 * `<name>~<attempt>`. Missing blobs throw KilnError NOT_FOUND.
 */
export interface BlobStore {
  /** Streams into the store with a running digest; nothing is buffered whole. */
  write(id: string, source: Readable, limits: WriteLimits): Promise<BlobInfo>;
  /** Takes over a finished local file; it is gone from `path` afterwards. */
  adopt(id: string, path: string): Promise<BlobInfo>;
  read(id: string, range?: ByteRange): Promise<Readable>;
  /** A local, read-only path that lives until the attempt's scratch directory is removed. */
  localPath(id: string, scratchDir: string): Promise<string>;
  size(id: string): Promise<number>;
  /** Idempotent. */
  remove(id: string): Promise<void>;
  /** All attempts at the same thing that are there. */
  attemptsAt(name: string): Promise<string[]>;
  /** Blobs are spread over so many folders. */
  readonly folders: number;
  /** The blobs of the n-th folder that were written before `before`. */
  listOld(folder: number, before: Date): Promise<string[]>;
  /** Removes half-written blobs of processes that have ended, and of anybody once they are that old. */
  sweepUnfinished(olderThanMs: number): Promise<number>;
}
