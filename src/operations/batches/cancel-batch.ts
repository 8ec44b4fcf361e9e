import { type Caller, requireScope } from '../../domain/access/account.ts';
import { type Batch, isOver } from '../../domain/batches/batch.ts';
import { KilnError } from '../../domain/errors.ts';
import type { BatchRepository } from '../../store/batches.ts';
import type { WorkflowRunner } from '../workflow-runner.ts';
import { batchStart } from './batch-start.ts';
import type { createFindBatches } from './find-batches.ts';

export interface CancelBatchPorts {
  batches: Pick<BatchRepository, 'cancel'>;
  runner: Pick<WorkflowRunner, 'signalBatch'>;
  findBatch: ReturnType<typeof createFindBatches>['findBatch'];
}

/** Has all jobs of a batch end that have not ended; they do so one by one. May be repeated until it is over. */
export function createCancelBatch({ batches, runner, findBatch }: CancelBatchPorts) {
  return async function cancelBatch(caller: Caller, batchId: string): Promise<Batch> {
    requireScope(caller, 'convert');
    const batch = await findBatch(caller, batchId);
    if (batch.status === 'cancelled') return batch;
    if (isOver(batch))
      throw new KilnError('WRONG_STATE', `The batch is ${batch.status} and cannot be cancelled.`);
    const cancelled = await batches.cancel(batchId, 'cancelled with its batch');
    await runner.signalBatch(batchStart(cancelled), 'cancel');
    return cancelled;
  };
}
