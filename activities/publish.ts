import type { BlobStore } from '../src/blobs/blob-store.ts';
import { earlierBlobId, outputBlobs } from '../src/domain/files/blob-name.ts';
import type { StoredFile } from '../src/domain/files/file.ts';
import { findFormat } from '../src/domain/formats/find-format.ts';
import { type Job, resultName } from '../src/domain/jobs/job.ts';
import type { FileRepository } from '../src/store/files.ts';
import { inputAndConversion } from './acquire.ts';
import { removeOtherAttempts } from './attempt-blobs.ts';
import type { ConvertedFile } from './convert.ts';

export interface PublishPorts {
  files: Pick<FileRepository, 'publish'>;
  blobs: Pick<BlobStore, 'attemptsAt' | 'remove'>;
  /** Milliseconds for which a file is kept. */
  fileMs: number;
}

/**
 * Builds `publish`, which makes the result a file of the owner, with an expiry. Of several attempts the first to
 * publish counts: the others return its file and remove their own bytes.
 */
export function createPublish({ files, blobs, fileMs }: PublishPorts) {
  return async function publish({
    job,
    converted,
  }: {
    job: Job;
    converted: ConvertedFile;
  }): Promise<ConvertedFile> {
    const standing = await files.publish(fileOf(job, converted, fileMs));
    await removeOtherAttempts(blobs, outputBlobs(job._id, 0), standing.blobId);
    const { blobId, size, sha256, width, height, seconds } = standing;
    return {
      ...converted,
      blobId,
      size,
      sha256,
      width,
      height,
      ...(typeof seconds === 'number' && { seconds }),
    };
  };
}

function fileOf(job: Job, converted: ConvertedFile, fileMs: number): StoredFile {
  const { target } = inputAndConversion(job).conversion;
  const createdAt = new Date();
  return {
    _id: converted.fileId,
    owner: job.owner,
    blobId: converted.blobId ?? earlierBlobId(converted.fileId),
    filename: resultName(job),
    size: converted.size,
    sha256: converted.sha256,
    format: target,
    mime: findFormat(target)?.mime ?? 'application/octet-stream',
    width: converted.width,
    height: converted.height,
    seconds: converted.seconds ?? null,
    origin: 'output',
    jobId: job._id,
    createdAt,
    expiresAt: new Date(createdAt.getTime() + fileMs),
  };
}
