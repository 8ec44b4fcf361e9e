import { type Caller, requireScope } from '../../domain/access/account.ts';
import { hasCode, KilnError } from '../../domain/errors.ts';
import { isReceived, openUploadId, type ReceivedUpload, type Upload } from '../../domain/files/file.ts';
import { isTerminal, type Job, ownerKey, UPLOAD_COMPLETED } from '../../domain/jobs/job.ts';
import { isOverdue, startLease } from '../../domain/jobs/job-lease.ts';
import type { JobRepository } from '../../store/jobs.ts';
import type { UploadRepository } from '../../store/uploads.ts';
import type { Admissions } from '../jobs/admissions.ts';
import { jobStart } from '../jobs/job-start.ts';
import type { WorkflowRunner } from '../workflow-runner.ts';
import type { UploadedFiles } from './uploaded-files.ts';

export interface CompleteUploadPorts {
  uploads: UploadRepository;
  files: Pick<UploadedFiles, 'makeFile'>;
  jobs: JobRepository;
  admissions: Pick<Admissions, 'release'>;
  runner: Pick<WorkflowRunner, 'uploadCompleted'>;
}

export interface CompletedUpload {
  upload: Upload;
  /** False for every call but the first. */
  first: boolean;
}

/**
 * Declares the bytes complete: the upload becomes a file and its job goes on.
 * Idempotent; each repeat also repairs what a crash of the first call left undone.
 * @param caller must own the upload; null where a signed URL has already proved the right.
 */
export function createCompleteUpload(ports: CompleteUploadPorts) {
  return async function completeUpload(caller: Caller | null, uploadId: string): Promise<CompletedUpload> {
    if (caller) requireScope(caller, 'upload');
    const open = await ports.uploads.get(uploadId);
    if (caller && (caller.kind === 'anonymous' || ownerKey(caller) !== open.owner)) {
      throw new KilnError('NOT_FOUND', 'There is no such upload.');
    }
    requireReceived(open);
    // Written first: should this process die before the job is told, the repair tells it.
    if (open.jobId) await ports.jobs.expectMove(open.jobId, startLease());
    const first = await ports.uploads.finalize(uploadId);
    // Read again: another body may have replaced the first one until this very moment.
    const upload = await ports.uploads.get(uploadId);
    // What has ended meanwhile took its bytes along: to say once more that they came is still right.
    await ports.files.makeFile(requireReceived(upload)).catch(unlessGone);
    if (upload.jobId) await goOn(upload.jobId);
    if (first && upload.lane) await ports.admissions.release(upload.lane, [openUploadId(upload)]);
    return { upload, first };
  };

  async function goOn(jobId: string): Promise<void> {
    const job = await ports.jobs.get(jobId);
    if (job.status === 'awaiting_upload') await notifyWorkflow(await queued(jobId));
    else if (isOverdue(job)) await notifyWorkflow(job);
  }

  /** Whatever Temporal does: what is complete is queued from now on. A job that has ended meanwhile stays so. */
  function queued(jobId: string): Promise<Job> {
    return ports.jobs.transition(jobId, UPLOAD_COMPLETED).catch((error: unknown) => {
      if (hasCode(error, 'WRONG_STATE')) return ports.jobs.get(jobId);
      throw error;
    });
  }

  async function notifyWorkflow(job: Job): Promise<void> {
    if (!isTerminal(job.status)) await ports.runner.uploadCompleted(jobStart(job));
  }
}

function requireReceived(upload: Upload): ReceivedUpload {
  const { state, fault } = upload;
  if (state === 'rejected')
    throw new KilnError(fault?.code ?? 'WRONG_STATE', fault?.message ?? 'The upload is closed.');
  if (isReceived(upload)) return upload;
  throw new KilnError('UPLOAD_MISSING', 'The bytes of this upload have not arrived yet.', {
    hint: 'Send the file to the upload URL first.',
  });
}

function unlessGone(error: unknown): void {
  if (!hasCode(error, 'NOT_FOUND')) throw error;
}
