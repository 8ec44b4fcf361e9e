import type { Caller } from '../../domain/access/account.ts';
import { type Sender, UNKNOWN_SENDER } from '../../domain/access/client-address.ts';
import { type Batch, isOver } from '../../domain/batches/batch.ts';
import { hasCode, KilnError } from '../../domain/errors.ts';
import { isTerminal, type Job } from '../../domain/jobs/job.ts';
import type { FileRepository } from '../../store/files.ts';
import type { createFindBatches } from '../batches/find-batches.ts';
import type { createSubmitBatch, SubmittedBatch } from '../batches/submit-batch.ts';
import type { AcceptedJob, JobRequest } from './accept-job.ts';
import type { createFindJobs } from './find-jobs.ts';
import type { createSubmitJob } from './submit-job.ts';

export interface RetryPorts {
  files: Pick<FileRepository, 'get'>;
  findJob: ReturnType<typeof createFindJobs>['findJob'];
  findBatch: ReturnType<typeof createFindBatches>['findBatch'];
  jobsOf: ReturnType<typeof createFindBatches>['jobsOf'];
  submitJob: ReturnType<typeof createSubmitJob>;
  submitBatch: ReturnType<typeof createSubmitBatch>;
  open(sealed: string, binding: { collection: string; id: string; field: string }): string;
}

/**
 * Builds the retries of jobs and batches that did not become ready. They are new jobs that name the old ones. They
 * use the old file if it still exists, else they await a new upload.
 */
export function createRetry(ports: RetryPorts) {
  async function inputOf(job: Job): Promise<JobRequest['input']> {
    const [input] = job.inputs;
    if (!input) throw new KilnError('INVALID_INPUT', 'The job has no input.');
    const { fileId, filename, mime, size } = input;
    try {
      return { fileId: (await ports.files.get(fileId))._id };
    } catch (error) {
      if (!hasCode(error, 'NOT_FOUND')) throw error;
      return { upload: { filename, mime, size } };
    }
  }

  async function requestOf(job: Job): Promise<JobRequest> {
    const [conversion] = job.conversions;
    if (!conversion) throw new KilnError('INVALID_INPUT', 'The job has no conversion.');
    const { source, target, options } = conversion;
    return {
      dialect: job.dialect,
      input: await inputOf(job),
      target,
      options,
      ...(source !== null && { source }),
      ...callbackOf(job),
      retryOf: job._id,
    };
  }

  function callbackOf({ _id, callback }: Job): Pick<JobRequest, 'callback'> {
    if (!callback) return {};
    const { url, sealedSecret } = callback;
    const binding = { collection: 'jobs', id: _id, field: 'callback.secret' };
    return { callback: { url, ...(sealedSecret && { secret: ports.open(sealedSecret, binding) }) } };
  }

  return {
    /** Submits the job again. @throws KilnError WRONG_STATE unless it has ended without a result. */
    async retryJob(caller: Caller, jobId: string, sender: Sender = UNKNOWN_SENDER): Promise<AcceptedJob> {
      const job = await ports.findJob(caller, jobId);
      if (!isTerminal(job.status) || job.status === 'ready')
        throw new KilnError('WRONG_STATE', `The job is ${job.status}: there is nothing to do again.`);
      return ports.submitJob(caller, await requestOf(job), sender);
    },

    /** Submits a new batch of the jobs that did not become ready. @throws KilnError WRONG_STATE. */
    async retryBatch(
      caller: Caller,
      batchId: string,
      sender: Sender = UNKNOWN_SENDER,
    ): Promise<SubmittedBatch> {
      const batch = await ports.findBatch(caller, batchId);
      requireRetryable(batch);
      const jobs = (await ports.jobsOf(batch)).filter(({ status }) => status !== 'ready');
      const { dialect, label, archive } = batch;
      const jobRequests: JobRequest[] = [];
      for (const job of jobs) jobRequests.push(await requestOf(job));
      const request = { dialect, label, jobs: jobRequests, archive: archive !== null, retryOf: batchId };
      return ports.submitBatch(caller, request, sender);
    },
  };
}

function requireRetryable(batch: Batch): void {
  if (!isOver(batch))
    throw new KilnError('WRONG_STATE', 'The batch is not over yet.', {
      hint: 'Cancel it, or wait until its last job has ended.',
    });
  if (batch.status === 'ready')
    throw new KilnError('WRONG_STATE', 'All jobs of the batch are ready: there is nothing to do again.');
}
