import { type Batch, outcomeOf, uncounted } from '../domain/batch.ts';
import type { Log } from '../log.ts';
import type { BatchRepository } from '../store/batches.ts';
import type { JobRepository } from '../store/jobs.ts';
import { batchStart } from './batch-start.ts';
import type { WorkflowRunner } from './runner.ts';

export interface RepairBatchesPorts {
  batches: Pick<BatchRepository, 'listOpen'>;
  jobs: Pick<JobRepository, 'statusesOf'>;
  runner: Pick<WorkflowRunner, 'startBatch' | 'nudgeBatch'>;
  log: Pick<Log, 'warn'>;
}

/** A batch that was touched more recently is taken to be in good hands. */
const STALLED_MS = 30_000;
const PAGE = 100;

/**
 * Finishes what a crash left half-way: a batch whose workflow was never started, or did not hear of a job's
 * end. Each round looks at the next page; both calls do nothing where all is well.
 */
export function createRepairBatches({ batches, jobs, runner, log }: RepairBatchesPorts) {
  let last = '';

  /** Whether there is something to count that nobody has counted. */
  async function isBehind(batch: Batch): Promise<boolean> {
    const ids = uncounted(batch);
    const statuses = await jobs.statusesOf(ids);
    return ids.length === 0 || ids.some((id) => outcomeOf(statuses.get(id)) !== null);
  }

  async function repair(batch: Batch): Promise<void> {
    const start = batchStart(batch);
    // Whoever wished it to end was answered whether the workflow heard of it or not.
    if (batch.cancelReason !== null) return runner.nudgeBatch(start, 'cancel');
    return (await isBehind(batch)) ? runner.nudgeBatch(start, 'count') : runner.startBatch(start);
  }

  return async function repairBatches(now = Date.now()): Promise<number> {
    const stalled = await batches.listOpen(last, new Date(now - STALLED_MS), PAGE);
    last = stalled.length === PAGE ? (stalled.at(-1)?._id ?? '') : '';
    for (const batch of stalled) {
      await repair(batch).catch((error: unknown) => {
        log.warn(
          { batchId: batch._id, error: String(error) },
          'could not repair a batch; the next round tries again',
        );
      });
    }
    return stalled.length;
  };
}
