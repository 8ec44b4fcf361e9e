import { isOver, type Outcome, outcomeOf } from '../../domain/batches/batch.ts';
import type { Job, JobStatus } from '../../domain/jobs/job.ts';
import { createGroupedByKey } from '../../grouped.ts';
import type { BatchRepository } from '../../store/batches.ts';
import type { WorkflowRunner } from '../workflow-runner.ts';
import { batchStart } from './batch-start.ts';

export interface CountInBatchPorts {
  batches: Pick<BatchRepository, 'count' | 'countEnds'>;
  runner: Pick<WorkflowRunner, 'signalBatch'>;
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
  const count = createGroupedByKey(async (batchId, jobs: readonly Pick<Job, '_id' | 'status'>[]) => {
    const statuses = new Map(jobs.map(({ _id, status }) => [_id, status]));
    const ends = new Map([...statuses].flatMap(([id, status]) => endsOf(id, status)));
    const batch =
      (await batches.countEnds(batchId, ends)) ??
      (await batches.count(batchId, statuses, { missing: false }));
    if (!isOver(batch) && batch.ended === batch.total) await runner.signalBatch(batchStart(batch), 'count');
  });

  return async function countInBatch(job: Job): Promise<void> {
    if (job.batchId !== undefined) await count(job.batchId, job);
  };
}
