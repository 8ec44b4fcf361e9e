import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newBatch } from '../../src/domain/batches/batch.ts';
import { newId } from '../../src/domain/id.ts';
import { createRepairBatches } from '../../src/operations/batches/repair-batches.ts';
import { type ActivityHarness, createActivityHarness } from '../support/harness/activity-harness.ts';
import { aJob } from '../support/records.ts';

const MINUTE = 60_000;

let harness: ActivityHarness;
/** The batches whose workflows were started or signalled. */
const signalled: string[] = [];

beforeAll(async () => {
  harness = await createActivityHarness();
});
afterAll(() => harness.close());

/** A batch of three of whose jobs only the first one is written. */
async function halfWritten(untouchedMs = 0) {
  const batchId = newId();
  const jobs = [0, 1, 2].map(() => aJob({ batchId, status: 'queued' }));
  const jobIds = jobs.map(({ _id }) => _id);
  const fields = { owner: 'account:a', dialect: 'graphql', label: null, retryOf: null } as const;
  const batch = newBatch({ _id: batchId, jobIds, wantsArchive: false, ...fields });
  await harness.collections.batches.insertOne({ ...batch, updatedAt: new Date(Date.now() - untouchedMs) });
  await harness.jobs.insertMissing(jobs.slice(0, 1));
  return { batchId, jobs };
}

const repair = () =>
  createRepairBatches({
    ...harness,
    runner: {
      startBatch: async ({ batchId }) => void signalled.push(batchId),
      signalBatch: async ({ batchId }) => void signalled.push(batchId),
    },
    log: { warn: () => {} },
  });

describe('a batch whose jobs are still being written', () => {
  it('counts none of them as lost, and each one that comes later', async () => {
    const { batchId, jobs } = await halfWritten(MINUTE);
    expect(await harness.run('countBatch', { batchId })).toEqual({ pending: 3 });
    await harness.jobs.insertMissing(jobs);
    await harness.batches.endSubmission(batchId);
    for (const { _id } of jobs) await harness.jobs.transition(_id, { to: 'cancelled', cause: 'ended' });
    expect(await harness.run('countBatch', { batchId })).toEqual({ pending: 0 });
    const { outcomes } = await harness.batches.get(batchId);
    expect(outcomes).toEqual(Object.fromEntries(jobs.map(({ _id }) => [_id, 'cancelled'])));
  });

  it('is left alone by the repair, until nobody can be writing any more', async () => {
    const { batchId } = await halfWritten(MINUTE);
    const { batchId: given } = await halfWritten(10 * MINUTE);
    await repair()();
    expect(signalled).toContain(given);
    expect(signalled).not.toContain(batchId);
  });

  it('counts as lost what is missing once nobody can be writing any more', async () => {
    const { batchId, jobs } = await halfWritten(10 * MINUTE);
    expect(await harness.run('countBatch', { batchId })).toEqual({ pending: 1 });
    const batch = await harness.batches.get(batchId);
    expect(batch.outcomes).toEqual({ [jobs[1]?._id ?? '']: 'failed', [jobs[2]?._id ?? '']: 'failed' });
    expect(batch.submitting).toBeUndefined();
  });
});
