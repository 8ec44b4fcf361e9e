import { describe, expect, it } from 'vitest';
import type { Caller } from '../../../src/domain/access/account.ts';
import { createFindBatches, type FindBatchesPorts } from '../../../src/operations/batches/find-batches.ts';
import { aBatch, aJob, anAccountCaller } from '../../support/records.ts';

const OWNER = anAccountCaller();
const batch = aBatch({ jobIds: ['a', 'b', 'c'] });
const missing = { code: 'NOT_FOUND', message: 'There is no such batch.' };

const asked: unknown[] = [];
const { findBatch, listBatches, wholeBatch, jobsOf, batchCountsOf } = createFindBatches({
  batches: {
    get: async () => batch,
    getAmongMany: async (id) => (id === batch._id ? batch : null),
    outcomesOf: async (id) => (id === batch._id ? { jobIds: batch.jobIds, outcomes: { b: 'ready' } } : null),
    async jobIdsOf(slice) {
      asked.push(slice);
      return ['read'];
    },
    async list(query) {
      asked.push(query);
      return [];
    },
  },
  jobs: { getMany: async (ids) => ids.map((_id) => aJob({ _id })) },
} as FindBatchesPorts);

const idsOf = async (...slice: Parameters<typeof jobsOf>) => (await jobsOf(...slice)).map(({ _id }) => _id);

describe('a batch', () => {
  it('is found by its owner, in any dialect or its own', async () => {
    expect(await findBatch(OWNER, batch._id)).toBe(batch);
    expect(await findBatch(anAccountCaller({ scopes: ['convert'] }), batch._id, 'graphql')).toBe(batch);
    await expect(findBatch(OWNER, batch._id, 'swapmyfile')).rejects.toMatchObject(missing);
  });

  it.each<[string, Caller, string]>([
    ['nobody', { kind: 'anonymous' }, 'NOT_FOUND'],
    ['another account', anAccountCaller({ accountId: 'b' }), 'NOT_FOUND'],
    ['a key that only manages', anAccountCaller({ scopes: ['manage'] }), 'FORBIDDEN'],
  ])('is none to %s', async (_who, caller, code) => {
    await expect(findBatch(caller, batch._id)).rejects.toMatchObject({ code });
  });

  it('has its lists, read once where a list of batches left them out', async () => {
    const { events, jobIds, outcomes, ...tally } = batch;
    expect(await wholeBatch(tally)).toBe(batch);
    expect(await wholeBatch({ ...tally, events, jobIds })).toBe(batch);
    const known = { ...tally, events: [], jobIds, outcomes };
    expect(await wholeBatch(known)).toEqual({ ...batch, events: [] });
    await expect(wholeBatch({ ...tally, _id: 'gone' })).rejects.toMatchObject(missing);
  });

  it('shows some of its jobs, without a read if it names them', async () => {
    expect(await idsOf(batch)).toEqual(['a', 'b', 'c']);
    expect(await idsOf(batch, 1, 1)).toEqual(['b']);
    expect(asked).toEqual([]);
    expect(await idsOf({ _id: 'other' }, 2, 3)).toEqual(['read']);
    expect(asked.splice(0)).toEqual([{ id: 'other', from: 2, count: 3 }]);
  });

  it('counts its jobs, without a read if it knows how many ended how', async () => {
    const none = { ready: 0, failed: 0, cancelled: 0, expired: 0 };
    const known = { ...batch, ended: 1, ends: { failed: 1 } };
    expect(await batchCountsOf(known)).toEqual({ ...none, total: 3, pending: 2, failed: 1 });
    const unknown = { ...known, ends: {} };
    expect(await batchCountsOf(unknown)).toEqual({ ...none, total: 3, pending: 2, ready: 1 });
    await expect(batchCountsOf({ ...unknown, _id: 'gone' })).rejects.toMatchObject(missing);
  });
});

describe('a list of batches', () => {
  it('is of the caller alone', async () => {
    await listBatches(OWNER, { limit: 5 });
    expect(asked.splice(0)).toEqual([{ limit: 5, owner: 'account:a' }]);
  });

  it.each<[Caller, string]>([
    [{ kind: 'anonymous' }, 'UNAUTHENTICATED'],
    [anAccountCaller({ scopes: ['convert'] }), 'FORBIDDEN'],
  ])('is refused to %j', async (caller, code) => {
    await expect(listBatches(caller, { limit: 5 })).rejects.toMatchObject({ code });
  });
});
