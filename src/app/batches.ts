import { zip } from '../blobs/zip.ts';
import type { Job } from '../domain/jobs/job.ts';
import { createCancelBatch } from '../operations/batches/cancel-batch.ts';
import { createCountInBatch } from '../operations/batches/count-in-batch.ts';
import { createFindBatches } from '../operations/batches/find-batches.ts';
import { createRepairBatches } from '../operations/batches/repair-batches.ts';
import { createSubmitBatch } from '../operations/batches/submit-batch.ts';
import { createWatchBatch } from '../operations/batches/watch-batch.ts';
import { jobStart } from '../operations/jobs/job-start.ts';
import { createRetry } from '../operations/jobs/retry.ts';
import type { Infrastructure } from './infrastructure.ts';
import type { Jobs } from './jobs.ts';

/** Everything about batches: how they are asked for, counted, watched, cancelled, packed and done again. */
export function batchesSlice(
  shared: Infrastructure,
  { submission, operations: { submitJob, findJob } }: Pick<Jobs, 'submission' | 'operations'>,
) {
  const { batches, runner, notifier } = shared;
  const finding = createFindBatches(shared);
  const submitBatch = createSubmitBatch(submission);

  return {
    operations: {
      submitBatch,
      ...finding,
      cancelBatch: createCancelBatch({ ...shared, ...finding, runner: notifier }),
      ...createRetry({ ...shared, ...finding, submitBatch, submitJob, findJob }),
      ...createWatchBatch({ ...shared, ...finding, changes: shared.batchChanges }),
    },
    activityPorts: {
      batches,
      zip,
      countInBatch: createCountInBatch(shared),
      startJob: (job: Job) => runner.startJob(jobStart(job)),
      cancelJob: (job: Job, reason: string) => runner.cancelJob(jobStart(job), reason),
    },
    repairs: { batches: createRepairBatches(shared) },
  };
}
