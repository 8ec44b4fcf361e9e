import { archiveFileId, outputFileId } from '../derived-ids.ts';

/**
 * What the name of a blob says about whose it is. Uploads are `<upload>.<random>`. What is made here is
 * named after the job or batch that it is made for, with one blob for each attempt behind a `~`: of several
 * attempts the file document names the one that counts.
 */
export type BlobOwner =
  | { kind: 'upload'; fileId: string }
  | { kind: 'output'; fileId: string; jobId: string | null }
  | { kind: 'archive'; fileId: string; batchId: string };

const ID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const UPLOAD = new RegExp(`^(${ID})\\.[0-9a-f]+$`);
const OUTPUT = new RegExp(`^out\\.(${ID})\\.(\\d+)~[0-9a-f]+$`);
const ARCHIVE = new RegExp(`^zip\\.(${ID})~[0-9a-f]+$`);
/** One blob for all attempts, as earlier versions had it. */
const EARLIER = new RegExp(`^out\\.(${ID})$`);

/** What all attempts at a job's n-th output have in common. */
export function outputBlobs(jobId: string, index: number): string {
  return `out.${jobId}.${index}`;
}

/** What all attempts at a batch's archive have in common. */
export function archiveBlobs(batchId: string): string {
  return `zip.${batchId}`;
}

/** The blob of one attempt; `random` is in hexadecimal digits. */
export function attemptBlobId(blobs: string, random: string): string {
  return `${blobs}~${random}`;
}

/** The blob of a result that was made when all attempts had the same. */
export function earlierBlobId(fileId: string): string {
  return `out.${fileId}`;
}

/** Whose a blob is, by its name; null for a name that Kiln never gave. */
export function blobOwner(blobId: string): BlobOwner | null {
  const [, uploadId] = UPLOAD.exec(blobId) ?? [];
  if (uploadId) return { kind: 'upload', fileId: uploadId };
  const [, jobId, index] = OUTPUT.exec(blobId) ?? [];
  if (jobId) return { kind: 'output', fileId: outputFileId(jobId, Number(index)), jobId };
  const [, batchId] = ARCHIVE.exec(blobId) ?? [];
  if (batchId) return { kind: 'archive', fileId: archiveFileId(batchId), batchId };
  const [, fileId] = EARLIER.exec(blobId) ?? [];
  return fileId ? { kind: 'output', fileId, jobId: null } : null;
}
