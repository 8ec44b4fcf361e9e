import type { Caller } from '../../domain/access/account.ts';
import { type Batch, type BatchEvent, isOver } from '../../domain/batches/batch.ts';
import { eventsAfter, type NumberedEvent } from '../../domain/jobs/job.ts';
import type { BatchRepository } from '../../store/batches.ts';
import type { Changes } from '../../store/mongo/changes.ts';
import { follow } from '../follow.ts';
import type { createFindBatches } from './find-batches.ts';

/** What a watcher sees: numbered events, each exactly once and in order. */
export type BatchUpdate =
  | { kind: 'event'; event: NumberedEvent<BatchEvent>; batch: Batch }
  | { kind: 'snapshot'; batch: Batch };

export interface WatchBatchPorts {
  batches: Pick<BatchRepository, 'get'>;
  changes: Pick<Changes<Batch>, 'subscribe'>;
  findBatch: ReturnType<typeof createFindBatches>['findBatch'];
}

export function createWatchBatch({ batches, changes, findBatch }: WatchBatchPorts) {
  return {
    /** Replays everything after `after`, then goes live until the batch is over or `signal` aborts. */
    async *watchBatch(
      caller: Caller,
      batchId: string,
      after: number,
      signal?: AbortSignal,
    ): AsyncGenerator<BatchUpdate> {
      const ports = { changes, read: () => batches.get(batchId) };
      const first = () => findBatch(caller, batchId);
      let seen = after;
      for await (const batch of follow(ports, { id: batchId, first, signal })) {
        const { events, truncated } = eventsAfter<BatchEvent>(batch, seen);
        if (truncated) yield { kind: 'snapshot', batch };
        for (const event of events) yield { kind: 'event', event, batch };
        seen = Math.max(seen, batch.seq);
        if (isOver(batch)) return;
      }
    },
  };
}
