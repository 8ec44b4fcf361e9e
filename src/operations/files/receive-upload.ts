import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { BlobInfo, BlobStore } from '../../blobs/blob-store.ts';
import { hasCode, KilnError } from '../../domain/errors.ts';
import type { Upload } from '../../domain/files/file.ts';
import { startLease } from '../../domain/jobs/job-lease.ts';
import type { JobRepository } from '../../store/jobs.ts';
import type { UploadRepository } from '../../store/uploads.ts';
import { jobStart } from '../jobs/job-start.ts';
import type { WorkflowRunner } from '../workflow-runner.ts';

export interface ReceiveUploadPorts {
  uploads: UploadRepository;
  jobs: JobRepository;
  blobs: Pick<BlobStore, 'write' | 'remove'>;
  runner: Pick<WorkflowRunner, 'uploadCompleted'>;
}

/**
 * Streams bytes under an intent. They may be sent again until the upload is completed;
 * a body of another length than declared ends the upload, and its job, for good.
 */
export function createReceiveUpload(ports: ReceiveUploadPorts) {
  return async function receiveUpload(
    uploadId: string,
    source: Readable,
    signal?: AbortSignal,
  ): Promise<BlobInfo> {
    const upload = await ports.uploads.get(uploadId);
    requireOpen(upload);
    const blobId = `${upload._id}.${randomBytes(6).toString('hex')}`;
    const written = await withDeadline(upload, signal, (both) => store(ports, upload, blobId, source, both));
    const replaced = await ports.uploads.receive(upload._id, blobId, written);
    if (replaced === 'closed') {
      await ports.blobs.remove(blobId);
      throw new KilnError('WRONG_STATE', 'The upload was completed in the meantime.');
    }
    if (replaced) await ports.blobs.remove(replaced);
    return written;
  };
}

/** However slowly the bytes come: when the time of the upload is over, the connection is free again. */
async function withDeadline<T>(
  { expiresAt }: Upload,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = AbortSignal.timeout(Math.max(1, expiresAt.getTime() - Date.now()));
  try {
    return await work(signal ? AbortSignal.any([signal, deadline]) : deadline);
  } catch (error) {
    throw deadline.aborted ? expired() : error;
  }
}

function expired(): KilnError {
  return new KilnError('UPLOAD_EXPIRED', 'The time for this upload is over.', {
    hint: 'Prepare a new one.',
  });
}

function requireOpen(upload: Upload): void {
  if (upload.state === 'finalized' || upload.state === 'rejected') {
    throw new KilnError('WRONG_STATE', 'The upload is closed.', { hint: 'Prepare a new one.' });
  }
  if (upload.expiresAt.getTime() <= Date.now()) throw expired();
}

async function store(
  ports: ReceiveUploadPorts,
  upload: Upload,
  blobId: string,
  source: Readable,
  signal?: AbortSignal,
): Promise<BlobInfo> {
  const limits = { maxBytes: upload.size, ...(signal && { signal }) };
  const written = await ports.blobs.write(blobId, source, limits).catch((error: unknown) => {
    if (hasCode(error, 'TOO_LARGE')) return null;
    throw error;
  });
  if (written?.size === upload.size) return written;
  if (written) await ports.blobs.remove(blobId);
  const message = written
    ? `The upload has ${written.size} bytes, but ${upload.size} were announced.`
    : `The upload has more than the ${upload.size} bytes that were announced.`;
  await reject(ports, upload, message);
  throw new KilnError(written ? 'SIZE_MISMATCH' : 'TOO_LARGE', message, {
    hint: 'Prepare a new upload with the exact size.',
  });
}

async function reject(ports: ReceiveUploadPorts, upload: Upload, message: string): Promise<void> {
  if (upload.jobId) await ports.jobs.expectMove(upload.jobId, startLease());
  await ports.uploads.reject(upload._id, { code: 'SIZE_MISMATCH', message });
  if (upload.blobId) await ports.blobs.remove(upload.blobId);
  const job = upload.jobId ? await ports.jobs.get(upload.jobId) : null;
  // A job that has ended meanwhile must not be started again.
  if (job?.status === 'awaiting_upload') await ports.runner.uploadCompleted(jobStart(job));
}
