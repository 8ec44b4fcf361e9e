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

/** How many jobs one call starts. */
const START_PAGE = 100;
/** How many calls to Temporal are under way at a time. */
const MAX_CALLS = 10;

export interface BatchActivityPorts {
  batches: Pick<BatchRepository, 'get' | 'endSubmission' | 'count' | 'setArchive' | 'finish'>;
  jobs: Pick<JobRepository, 'getMany' | 'statusesOf'>;
  /** @returns the ids of those that may begin now; the others wait for their turn. */
  admissions: { admitBatch(jobs: readonly Job[]): Promise<ReadonlySet<string>> };
  startJob(job: Job): Promise<void>;
  cancelJob(job: Job, reason: string): Promise<unknown>;
  emitJobCreated(job: Job): Promise<void>;
  emitBatchEnded(batch: Batch): Promise<void>;
}

/** What a batch does with its jobs: start them, count them, end them. Everything may be repeated. */
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
    /** Those that have to wait for a turn are started when it comes. @returns where the next page begins. */
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

    /** Ends what has not ended. A job that ends by itself meanwhile is as good. */
    cancelBatchJobs: ({ batchId }: { batchId: string }): Promise<void> =>
      whileHeartbeating(async () => {
        const batch = await batches.get(batchId);
        const open = await jobs.getMany(uncounted(batch));
        // From behind, or each that ends would let another one begin.
        await onEachOf(open.toReversed(), async (job) => {
          if (!isTerminal(job.status))
            await cancelJob(job, batch.cancelReason ?? 'cancelled').catch(unlessEnded);
        });
      }),

    /** Looks at all jobs that are not counted yet. */
    async countBatch({ batchId }: { batchId: string }): Promise<{ pending: number }> {
      const before = await batches.get(batchId);
      const missing = !isBeingSubmitted(before, Date.now());
      if (missing && before.submitting) await batches.endSubmission(batchId);
      const statuses = await jobs.statusesOf(uncounted(before));
      const batch = await batches.count(batchId, statuses, { missing });
      return { pending: countsOf(batch).pending };
    },

    /** @param archiveFault why there is no archive although one was wanted. */
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

/** Until all are done, one has failed, or the activity is cancelled. */
async function onEachOf(jobs: readonly Job[], work: (job: Job) => Promise<void>): Promise<void> {
  const signal = Context.current().cancellationSignal;
  await mapConcurrently(jobs, work, { concurrency: MAX_CALLS, signal });
}
