import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Batch } from '../../../src/domain/batches/batch.ts';
import {
  type CountInBatchPorts,
  createCountInBatch,
} from '../../../src/operations/batches/count-in-batch.ts';
import { aBatch, aJob } from '../../support/records.ts';

/** A batch of two that is like this once the jobs are counted; `known` when one of them was counted before. */
function counting(different: Partial<Batch>, { known = false } = {}) {
  const done: unknown[] = [];
  const batch = aBatch({ jobIds: ['a', 'b'], ...different });
  const countInBatch = createCountInBatch({
    batches: {
      async countEnds(id: string, ends: ReadonlyMap<string, string>) {
        done.push([id, ...ends]);
        return known ? null : batch;
      },
      async count(id: string, statuses: ReadonlyMap<string, string>, { missing }: { missing: boolean }) {
        done.push([id, ...statuses, missing]);
        return batch;
      },
    },
    runner: {
      // Later than whoever does not wait for it.
      async signalBatch({ total }, request) {
        await setImmediate();
        done.push(`${request} ${total}`);
      },
    },
  } as CountInBatchPorts);
  return { done, countInBatch };
}

const ended = aJob({ _id: 'a', batchId: 'batch', status: 'failed' });

it('a job that came alone is counted nowhere', async () => {
  const { done, countInBatch } = counting({});
  await countInBatch(aJob({ status: 'ready' }));
  expect(done).toEqual([]);
});

it.each([
  [{ ended: 1 }, []],
  [{ ended: 2 }, ['count 2']],
  [{ ended: 2, status: 'partial' as const }, []],
])('the last one wakes the batch, unless that is over: %j', async (different, nudges) => {
  const { done, countInBatch } = counting(different);
  await countInBatch(ended);
  expect(done).toEqual([['batch', ['a', 'failed']], ...nudges]);
});

it('one that was counted before is counted among all, once more', async () => {
  const { done, countInBatch } = counting({ ended: 2 }, { known: true });
  await countInBatch(ended);
  expect(done).toEqual([['batch', ['a', 'failed']], ['batch', ['a', 'failed'], false], 'count 2']);
});

it('one that has not ended is no end', async () => {
  const { done, countInBatch } = counting({});
  await countInBatch({ ...ended, status: 'processing' });
  expect(done).toEqual([['batch']]);
});
