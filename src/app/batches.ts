import type { Job } from '../domain/jobs/job.ts';
import type { Log } from '../log.ts';
import { createCancelBatch } from '../operations/batches/cancel-batch.ts';
import { createCountInBatch } from '../operations/batches/count-in-batch.ts';
import { createFindBatches } from '../operations/batches/find-batches.ts';
import { createRepairBatches } from '../operations/batches/repair-batches.ts';
import { createSubmitBatch, type SubmitBatchPorts } from '../operations/batches/submit-batch.ts';
import { createWatchBatch } from '../operations/batches/watch-batch.ts';
import type { BestEffortRunner } from '../operations/jobs/best-effort-runner.ts';
import { jobStart } from '../operations/jobs/job-start.ts';
import { createRetry, type RetryPorts } from '../operations/jobs/retry.ts';
import type { WorkflowRunner } from '../operations/workflow-runner.ts';
import { createBatchRepository } from '../store/batches.ts';
import type { JobRepository } from '../store/jobs.ts';
import { createChanges } from '../store/mongo/changes.ts';
import type { Collections } from '../store/mongo/mongo.ts';

export interface BatchPorts {
  collections: Pick<Collections, 'batches'>;
  jobs: Pick<JobRepository, 'getMany' | 'insertMissing' | 'statusesOf'>;
  runner: Pick<WorkflowRunner, 'startBatch' | 'signalBatch' | 'startJob' | 'cancelJob'>;
  /** The same for whoever answers a caller. */
  notifier: BestEffortRunner;
  /** What jobs are accepted with, alone or together. */
  submission: Omit<SubmitBatchPorts, 'batches' | 'jobs' | 'runner'>;
  submitJob: RetryPorts['submitJob'];
  findJob: RetryPorts['findJob'];
  open: RetryPorts['open'];
  log: Pick<Log, 'warn'>;
}

/** Everything about batches: how they are asked for, counted, watched, cancelled and done again. */
export function createBatches(ports: BatchPorts) {
  const { collections, jobs, runner, notifier, submission, log, ...retrying } = ports;
  const changes = createChanges(collections.batches);
  const batches = createBatchRepository(collections, changes);
  const finding = createFindBatches({ batches, jobs });
  const submitBatch = createSubmitBatch({ ...submission, batches, jobs, runner: notifier });

  return {
    operations: {
      submitBatch,
      ...finding,
      cancelBatch: createCancelBatch({ batches, runner: notifier, ...finding }),
      ...createRetry({ files: submission.files, submitBatch, ...finding, ...retrying }),
      ...createWatchBatch({ batches, changes, ...finding }),
      repairBatches: createRepairBatches({ batches, jobs, runner, log }),
    },
    /** What activities need of it. */
    activityPorts: {
      batches,
      countInBatch: createCountInBatch({ batches, runner }),
      startJob: (job: Job) => runner.startJob(jobStart(job)),
      cancelJob: (job: Job, reason: string) => runner.cancelJob(jobStart(job), reason),
    },
    close: () => changes.close(),
  };
}
