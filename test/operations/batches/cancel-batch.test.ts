import { expect, it } from 'vitest';
import type { Batch } from '../../../src/domain/batches/batch.ts';
import { createCancelBatch } from '../../../src/operations/batches/cancel-batch.ts';
import { aBatch, anAccountCaller } from '../../support/records.ts';

function cancelling(batch: Batch, scopes = anAccountCaller().scopes) {
  const done: string[] = [];
  const cancelBatch = createCancelBatch({
    batches: {
      async cancel(id, reason) {
        done.push(`${id}: ${reason}`);
        return { ...batch, cancelReason: reason };
      },
    },
    runner: { signalBatch: async ({ title }, request) => void done.push(`${request} ${title}`) },
    findBatch: async () => batch,
  });
  return { done, result: cancelBatch(anAccountCaller({ scopes }), batch._id) };
}

it.each([
  ['Spring', '2 jobs: Spring'],
  [null, '2 jobs'],
])('a batch that runs is told to end, after that is written: label %s', async (label, title) => {
  const batch = aBatch({ _id: 'batch', jobIds: ['a', 'b'], label });
  const { done, result } = cancelling(batch);
  expect(await result).toEqual({ ...batch, cancelReason: 'cancelled with its batch' });
  expect(done).toEqual(['batch: cancelled with its batch', `cancel ${title}`]);
});

it('one that is cancelled stays so', async () => {
  const batch = aBatch({ status: 'cancelled' });
  const { done, result } = cancelling(batch);
  expect(await result).toBe(batch);
  expect(done).toEqual([]);
});

it.each(['ready', 'partial', 'failed'] as const)('one that is %s is over', async (status) => {
  const { done, result } = cancelling(aBatch({ status }));
  const message = `The batch is ${status} and cannot be cancelled.`;
  await expect(result).rejects.toMatchObject({ code: 'WRONG_STATE', message });
  expect(done).toEqual([]);
});

it('a key that may not convert cancels nothing', async () => {
  const { done, result } = cancelling(aBatch(), ['read']);
  await expect(result).rejects.toMatchObject({ code: 'FORBIDDEN' });
  expect(done).toEqual([]);
});
