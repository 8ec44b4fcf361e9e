import type { BlobStore } from '../src/blobs/blob-store.ts';
import { outputFileId } from '../src/domain/derived-ids.ts';
import { earlierBlobId, outputBlobs } from '../src/domain/files/blob-name.ts';
import { keepsUpload } from '../src/domain/jobs/job.ts';
import type { FileRepository } from '../src/store/files.ts';
import type { JobRepository } from '../src/store/jobs.ts';
import type { UploadRepository } from '../src/store/uploads.ts';

export interface DiscardFilesPorts {
  jobs: Pick<JobRepository, 'get'>;
  uploads: Pick<UploadRepository, 'close'>;
  files: Pick<FileRepository, 'remove'>;
  blobs: Pick<BlobStore, 'attemptsAt' | 'remove'>;
}

/**
 * Builds `discardFiles`, which removes what a job that did not become ready left: results and, unless a retry may
 * need it, its upload.
 */
export function createDiscardFiles({ jobs, uploads, files, blobs }: DiscardFilesPorts) {
  return async function discardFiles({ jobId }: { jobId: string }): Promise<void> {
    const job = await jobs.get(jobId);
    const resultId = outputFileId(jobId, 0);
    const attempts = await blobs.attemptsAt(outputBlobs(jobId, 0));
    for (const blobId of [earlierBlobId(resultId), ...attempts]) await blobs.remove(blobId);
    await files.remove(resultId);
    if (keepsUpload(job)) return;
    for (const { fileId } of job.inputs) {
      const upload = await uploads.close(fileId);
      // A file that was there before the job belongs to its owner, not to the job.
      if (upload?.jobId !== jobId) continue;
      // Bytes first: whoever makes a file of the upload at this moment checks for them afterwards.
      if (upload.blobId) await blobs.remove(upload.blobId);
      await files.remove(fileId);
    }
  };
}
