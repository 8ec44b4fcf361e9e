import { Context } from '@temporalio/activity';
import type { Batch } from '../src/domain/batches/batch.ts';
import {
  type BatchStatus,
  countsOf,
  finalStatus,
  isBeingSubmitted,
  uncounted,
} from '../src/domain/batches/batch.ts';
import { hasCode } from '../src/domain/errors.ts';
import { isTerminal, type Job, type StoredError } from '../src/domain/jobs/job.ts';
import { mapConcurrently } from '../src/map-concurrently.ts';
import type { BatchRepository } from '../src/store/batches.ts';
import type { JobRepository } from '../src/store/jobs.ts';
import { whileHeartbeating } from './heartbeat.ts';

/** Jobs that one call starts. */
const START_PAGE = 100;
/** Calls to Temporal under way at a time. */
const MAX_CALLS = 10;

export interface BatchActivityPorts {
  batches: Pick<BatchRepository, 'get' | 'endSubmission' | 'count' | 'setArchive' | 'finish'>;
  jobs: Pick<JobRepository, 'getMany' | 'statusesOf'>;
  /** Returns the ids of the jobs that may begin now; the others are queued. */
  admissions: { admitBatch(jobs: readonly Job[]): Promise<ReadonlySet<string>> };
  startJob(job: Job): Promise<void>;
  cancelJob(job: Job, reason: string): Promise<unknown>;
  emitJobCreated(job: Job): Promise<void>;
  emitBatchEnded(batch: Batch): Promise<void>;
}

/** Builds the activities of a batch: start its jobs, count them, end them. Each may be repeated. */
export function createBatchActivities({
  batches,
  jobs,
  admissions,
  startJob,
  cancelJob,
  emitJobCreated,
  emitBatchEnded,
}: BatchActivityPorts) {
  return {
    /**
     * Starts a page of jobs and returns where the next begins. Jobs that are queued get no workflow yet: they are
     * started when they are admitted.
     */
    startBatchJobs: ({ batchId, from }: { batchId: string; from: number }): Promise<{ next: number }> =>
      whileHeartbeating(async () => {
        const { jobIds } = await batches.get(batchId);
        const page = await jobs.getMany(jobIds.slice(from, from + START_PAGE));
        const mayBegin = await admissions.admitBatch(page.filter(({ status }) => status === 'queued'));
        await onEachOf(page, async (job) => {
          await emitJobCreated(job);
          if (isTerminal(job.status)) return;
          if (job.status === 'awaiting_upload' || mayBegin.has(job._id)) await startJob(job);
        });
        return { next: Math.min(from + START_PAGE, jobIds.length) };
      }),

    /** Cancels the jobs that have not ended. One that ends by itself meanwhile is no error. */
    cancelBatchJobs: ({ batchId }: { batchId: string }): Promise<void> =>
      whileHeartbeating(async () => {
        const batch = await batches.get(batchId);
        const open = await jobs.getMany(uncounted(batch));
        // Last to first: a cancelled job admits the next in the queue, which would begin for nothing.
        await onEachOf(open.toReversed(), async (job) => {
          if (!isTerminal(job.status))
            await cancelJob(job, batch.cancelReason ?? 'cancelled').catch(unlessEnded);
        });
      }),

    /** Counts the jobs that have ended since the last count. Returns how many have not ended. */
    async countBatch({ batchId }: { batchId: string }): Promise<{ pending: number }> {
      const before = await batches.get(batchId);
      const missing = !isBeingSubmitted(before, Date.now());
      if (missing && before.submitting) await batches.endSubmission(batchId);
      const statuses = await jobs.statusesOf(uncounted(before));
      const batch = await batches.count(batchId, statuses, { missing });
      return { pending: countsOf(batch).pending };
    },

    /** Records the end of the batch and emits it. `archiveFault`: why the archive failed; null if it did not. */
    async endBatch({
      batchId,
      archiveFault,
    }: {
      batchId: string;
      archiveFault: StoredError | null;
    }): Promise<{ status: BatchStatus }> {
      const batch = await batches.get(batchId);
      if (archiveFault && batch.archive)
        await batches.setArchive(batchId, { ...batch.archive, error: archiveFault });
      const ended = await batches.finish(batchId, finalStatus(countsOf(batch)));
      await emitBatchEnded(ended);
      return { status: ended.status };
    },
  };
}

function unlessEnded(error: unknown): void {
  if (!hasCode(error, 'WRONG_STATE')) throw error;
}

/** Runs `work` for every job, ten at a time. Rejects at the first failure, or when the activity is cancelled. */
async function onEachOf(jobs: readonly Job[], work: (job: Job) => Promise<void>): Promise<void> {
  const signal = Context.current().cancellationSignal;
  await mapConcurrently(jobs, work, { concurrency: MAX_CALLS, signal });
}
