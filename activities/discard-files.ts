import type { Capabilities } from '../src/app/app.ts';
import { earlierBlobId, outputBlobs, outputFileId } from '../src/domain/files/blob-name.ts';
import { keepsUpload } from '../src/domain/jobs/job.ts';

/** A job that did not become ready leaves no half-made result, and no upload unless it is worth another try. */
export function createDiscardFiles({ jobs, uploads, files, blobs }: Capabilities) {
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
      // Bytes before their name: whoever makes a file of the upload at this moment looks for them afterwards.
      if (upload.blobId) await blobs.remove(upload.blobId);
      await files.remove(fileId);
    }
  };
}
