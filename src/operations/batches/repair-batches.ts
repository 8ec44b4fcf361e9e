import {
  isBeingSubmitted,
  outcomeOf,
  uncounted,
  type Batch as WholeBatch,
} from '../../domain/batches/batch.ts';
import type { Log } from '../../log.ts';
import { mapConcurrently } from '../../map-concurrently.ts';
import type { BatchRepository } from '../../store/batches.ts';
import type { JobRepository } from '../../store/jobs.ts';
import type { WorkflowRunner } from '../workflow-runner.ts';
import { batchStart } from './batch-start.ts';

export interface RepairBatchesPorts {
  batches: Pick<BatchRepository, 'listDue' | 'scheduleCheck'>;
  jobs: Pick<JobRepository, 'statusesOf'>;
  runner: Pick<WorkflowRunner, 'startBatch' | 'signalBatch'>;
  log: Pick<Log, 'warn'>;
}

type Batch = Omit<WholeBatch, 'events'>;

/** A batch that was touched more recently is taken to be in good hands. */
const STALLED_MS = 30_000;
/** The longer nothing happens in a batch, the less often it is looked at, down to this. */
const LONGEST_PAUSE_MS = 5 * 60_000;
const PAGE = 100;

/**
 * Finishes what a crash left half-way: a batch whose workflow was never started, or did not hear of a job's
 * end. Those that only wait are looked at less and less often; the calls do nothing where all is well.
 */
export function createRepairBatches({ batches, jobs, runner, log }: RepairBatchesPorts) {
  /** Whether there is something to count that nobody has counted. */
  async function isBehind(batch: Batch): Promise<boolean> {
    const ids = uncounted(batch);
    const statuses = await jobs.statusesOf(ids);
    return ids.length === 0 || ids.some((id) => outcomeOf(statuses.get(id)) !== null);
  }

  async function repair(batch: Batch): Promise<void> {
    const start = batchStart(batch);
    // Whoever asked for its end was answered whether the workflow heard of it or not.
    if (batch.cancelReason !== null) return runner.signalBatch(start, 'cancel');
    return (await isBehind(batch)) ? runner.signalBatch(start, 'count') : runner.startBatch(start);
  }

  /** Looks at a batch, unless it is in good hands. @returns whether it did. */
  async function look(batch: Batch, now: number): Promise<boolean> {
    const idleMs = now - batch.updatedAt.getTime();
    const isStalled = idleMs > STALLED_MS && !isBeingSubmitted(batch, now);
    if (isStalled) await repair(batch);
    const pauseMs = Math.min(Math.max(idleMs, STALLED_MS), LONGEST_PAUSE_MS);
    await batches.scheduleCheck(batch, new Date(now + pauseMs));
    return isStalled;
  }

  /** @returns how many it looked at. */
  return async function repairBatches(now = Date.now()): Promise<number> {
    const due = await batches.listDue(new Date(now), PAGE);
    const looked = await mapConcurrently(due, (batch) =>
      look(batch, now).catch((error: unknown) => {
        log.warn(
          { batchId: batch._id, error: String(error) },
          'could not repair a batch; the next round tries again',
        );
        return true;
      }),
    );
    return looked.filter(Boolean).length;
  };
}
