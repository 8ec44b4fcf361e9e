import { expect, it } from 'vitest';
import { type Batch, type BatchStatus, eventOf } from '../../../src/domain/batches/batch.ts';
import { createWatchBatch } from '../../../src/operations/batches/watch-batch.ts';
import { aBatch, anAccountCaller } from '../../support/records.ts';

/** The same batch after so many events, the last of which gave it its state. */
function after(count: number, status: BatchStatus = 'processing'): Batch {
  const events = Array.from({ length: count }, (_, i) =>
    eventOf({ type: 'status', status, at: new Date(i), cause: `cause ${i + 1}` }),
  );
  return aBatch({ _id: 'batch', status, seq: count, events });
}

/** What a watcher is told who has seen `seen` events, while the batch becomes one of these after the other. */
async function told(seen: number, [first = after(1), ...later]: Batch[]): Promise<string[]> {
  let watching = 0;
  const { watchBatch } = createWatchBatch({
    batches: { get: async () => first },
    changes: {
      subscribe(_id, notify) {
        watching += 1;
        const tell = setInterval(() => {
          const next = later.shift();
          if (next) notify(next);
        }, 1);
        return () => {
          clearInterval(tell);
          watching -= 1;
        };
      },
    },
    findBatch: async () => first,
  });
  const updates: string[] = [];
  for await (const update of watchBatch(anAccountCaller(), 'batch', seen))
    updates.push(update.kind === 'event' ? `${update.event.seq} ${update.event.cause}` : 'snapshot');
  expect(watching).toBe(0);
  return updates;
}

it('what was missed is told, then what comes, each once, until the batch is over', async () => {
  expect(await told(1, [after(2), after(2), after(4), after(5, 'ready'), after(6, 'ready')])).toEqual([
    '2 cause 2',
    '3 cause 3',
    '4 cause 4',
    '5 cause 5',
  ]);
});

it('a batch that is over is told and no more', async () => {
  expect(await told(0, [after(1, 'cancelled')])).toEqual(['1 cause 1']);
  expect(await told(1, [after(1, 'cancelled')])).toEqual([]);
});

it('what is no longer kept is a snapshot', async () => {
  const short = { ...after(5, 'ready'), events: after(5, 'ready').events.slice(3) };
  expect(await told(0, [short])).toEqual(['snapshot', '4 cause 4', '5 cause 5']);
});
