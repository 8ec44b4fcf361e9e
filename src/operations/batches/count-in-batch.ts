import { isOver, type Outcome, outcomeOf } from '../../domain/batches/batch.ts';
import type { Job, JobStatus } from '../../domain/jobs/job.ts';
import type { BatchRepository } from '../../store/batches.ts';
import type { WorkflowRunner } from '../workflow-runner.ts';
import { batchStart } from './batch-start.ts';

export interface CountInBatchPorts {
  batches: Pick<BatchRepository, 'count' | 'countEnds'>;
  runner: Pick<WorkflowRunner, 'signalBatch'>;
}

/** Jobs of one batch whose count is awaited. */
interface Round {
  statuses: Map<string, JobStatus>;
  done: Promise<void>;
}

function endsOf(id: string, status: JobStatus): [string, Outcome][] {
  const outcome = outcomeOf(status);
  return outcome === null ? [] : [[id, outcome]];
}

/**
 * Counts an ended job in its batch, if it came with one; the last one wakes the batch. Jobs that end while
 * one count is written share the next, since each writes the batch as a whole.
 */
export function createCountInBatch({ batches, runner }: CountInBatchPorts) {
  const next = new Map<string, Round>();
  const running = new Map<string, Promise<void>>();

  async function count(batchId: string, statuses: ReadonlyMap<string, JobStatus>): Promise<void> {
    const ends = new Map([...statuses].flatMap(([id, status]) => endsOf(id, status)));
    const batch =
      (await batches.countEnds(batchId, ends)) ??
      (await batches.count(batchId, statuses, { missing: false }));
    if (!isOver(batch) && batch.ended === batch.total) await runner.signalBatch(batchStart(batch), 'count');
  }

  async function run(batchId: string, statuses: ReadonlyMap<string, JobStatus>): Promise<void> {
    await running.get(batchId)?.catch(() => {});
    next.delete(batchId);
    const counting = count(batchId, statuses);
    running.set(batchId, counting);
    try {
      await counting;
    } finally {
      if (running.get(batchId) === counting) running.delete(batchId);
    }
  }

  return async function countInBatch({ _id, batchId, status }: Job): Promise<void> {
    if (batchId === undefined) return;
    const known = next.get(batchId);
    const statuses = known?.statuses ?? new Map<string, JobStatus>();
    statuses.set(_id, status);
    if (known) return known.done;
    const round: Round = { statuses, done: Promise.resolve() };
    next.set(batchId, round);
    round.done = run(batchId, statuses);
    return round.done;
  };
}
