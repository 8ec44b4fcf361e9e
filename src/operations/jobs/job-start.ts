import type { Job } from '../../domain/jobs/job.ts';
import type { JobStart } from '../workflow-runner.ts';

/** Returns the input of the job's workflow; the same for a first start and for a repair. */
export function jobStart(job: Job): JobStart {
  const [input] = job.inputs;
  const [conversion] = job.conversions;
  const source = conversion?.source ?? input?.format ?? 'detect';
  const target = conversion?.target ?? '';
  return {
    jobId: job._id,
    owner: job.owner,
    title: `${input?.filename ?? 'file'} → ${target}`,
    source,
    target,
    size: input?.size ?? 0,
    uploadDeadline: job.status === 'awaiting_upload' ? job.uploadDeadline.getTime() : null,
    hasCallback: job.callback !== null,
    ...(job.batchId !== undefined && { batchId: job.batchId }),
    ...(job.weight !== undefined && { weight: job.weight }),
  };
}
