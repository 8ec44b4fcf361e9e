import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createIdempotencyRepository } from '../../../src/store/idempotency.ts';
import { type CrashHarness, createCrashHarness } from '../../support/crash/crash-harness.ts';
import { PICTURE } from '../../support/harness/job-harness.ts';
import { refusalOf } from '../../support/money.ts';
import { seededRandom, seedOf } from '../../support/seeded-random.ts';
import { timeLimit } from '../../support/time-limit.ts';

const CALLS = 50;
const ROUNDS = 5;
/** As many writes as a submission needs, and some. */
const WRITES = 9;

let harness: CrashHarness;

beforeAll(async () => {
  harness = await createCrashHarness();
});
afterAll(() => harness.close());

const request = { dialect: 'graphql', input: { upload: PICTURE }, target: 'webp' } as const;
const keyed = { ...request, idempotencyKey: 'my own name for it' };
const batch = { dialect: 'graphql', jobs: [request, { ...request, target: 'jpg' }] } as const;
const keyedBatch = { ...batch, idempotencyKey: 'and for these' };

const many = <T>(call: (i: number) => Promise<T>) =>
  Promise.all(Array.from({ length: CALLS }, (_, i) => call(i)));

async function counted({ accountId }: { accountId: string }) {
  const owner = `account:${accountId}`;
  const { jobs, uploads, batches, admissions } = harness.collections;
  const [job, upload, batched] = [jobs, uploads, batches].map((all) => all.countDocuments({ owner }));
  const admission = await admissions.findOne({ _id: owner });
  return { jobs: await job, uploads: await upload, batches: await batched, open: admission?.open.length };
}

describe('the same key', () => {
  it(`in ${CALLS} parallel calls is one job, and every caller learns where its file goes`, async () => {
    const payer = await harness.newPayer(10);
    const answers = await many(() => harness.submitJob(payer.caller, keyed));
    expect(new Set(answers.map(({ job }) => job._id)).size).toBe(1);
    expect(new Set(answers.map(({ upload }) => upload?._id)).size).toBe(1);
    expect(answers[0]?.upload).toMatchObject({ jobId: answers[0]?.job._id, filename: PICTURE.filename });
    expect(await counted(payer)).toEqual({ jobs: 1, uploads: 1, batches: 0, open: 1 });
  });

  it(`in ${CALLS} parallel calls is one batch, whole in every answer`, async () => {
    const payer = await harness.newPayer(10);
    const answers = await many(() => harness.submitBatch(payer.caller, keyedBatch));
    const texts = answers.map(({ batch: { _id }, jobs }) =>
      JSON.stringify([_id, jobs.map(({ job, upload }) => [job._id, upload?._id])]),
    );
    expect(new Set(texts).size).toBe(1);
    expect(answers[0]?.jobs).toHaveLength(2);
    expect(await counted(payer)).toEqual({ jobs: 2, uploads: 2, batches: 1, open: 2 });
  });

  it(
    `is one job though any of ${CALLS} parallel calls dies, ${ROUNDS} times`,
    async () => {
      const seed = seedOf();
      const random = seededRandom(seed);
      let deaths = 0;
      for (let round = 0; round < ROUNDS; round += 1) {
        const payer = await harness.newPayer(10);
        const died = await many(() =>
          harness.dyingAfter(random.below(WRITES), () => harness.submitJob(payer.caller, keyed)),
        );
        deaths += died.filter(Boolean).length;
        const { job } = await harness.submitJob(payer.caller, keyed);
        expect(await harness.collections.jobs.distinct('_id', { owner: job.owner })).toEqual([job._id]);
        expect(await counted(payer)).toMatchObject({ jobs: 1, uploads: 1 });
      }
      console.log(`idempotency (seed ${seed}): ${ROUNDS * CALLS} calls, ${deaths} died, one job each round`);
      expect(deaths).toBeGreaterThan(0);
    },
    timeLimit(180_000),
  );

  it('with another content is refused, and so is a batch under the key of a job', async () => {
    const { caller } = await harness.newPayer(10);
    await harness.submitJob(caller, keyed);
    const conflict = 'IDEMPOTENCY_CONFLICT';
    expect(await refusalOf(harness.submitJob(caller, { ...keyed, target: 'png' }))).toBe(conflict);
    const { idempotencyKey } = keyed;
    expect(await refusalOf(harness.submitBatch(caller, { ...batch, idempotencyKey }))).toBe(conflict);
  });

  it('of somebody else is another request', async () => {
    const [first, second] = [await harness.newPayer(10), await harness.newPayer(10)];
    const { job } = await harness.submitJob(first.caller, keyed);
    expect((await harness.submitJob(second.caller, keyed)).job._id).not.toBe(job._id);
  });

  it('is answered with the job when it has ended long ago, and begins nothing', async () => {
    const payer = await harness.newPayer(10);
    const { job } = await harness.submitJob(payer.caller, keyed);
    await harness.cancelJob(payer.caller, job._id);
    const again = await harness.submitJob(payer.caller, keyed);
    expect(again.job).toMatchObject({ _id: job._id, status: 'cancelled' });
    expect(await counted(payer)).toMatchObject({ jobs: 1, open: 0 });
  });

  it('may be used for a request put right, when the first one was refused', async () => {
    const { caller } = await harness.newPayer(10);
    const wrong = { ...keyed, options: { width: -1 } };
    expect(await refusalOf(harness.submitJob(caller, wrong))).toBe('INVALID_OPTION');
    expect((await harness.submitJob(caller, keyed)).job.status).toBe('awaiting_upload');
  });

  it('means another request once its time is over, and is forgotten then', async () => {
    const { caller, accountId } = await harness.newPayer(10);
    const { job } = await harness.submitJob(caller, keyed);
    const { idempotency } = harness.collections;
    const mine = { _id: { $regex: `^account:${accountId}:` } };
    await idempotency.updateMany(mine, { $set: { expiresAt: new Date(Date.now() - 1) } });
    const later = await many(() => harness.submitJob(caller, { ...keyed, target: 'png' }));
    expect(new Set(later.map((answer) => answer.job._id)).size).toBe(1);
    expect(later[0]?.job._id).not.toBe(job._id);

    await idempotency.updateMany(mine, { $set: { expiresAt: new Date(0) } });
    const { sweep } = createIdempotencyRepository(harness.collections);
    expect(await sweep(new Date(1), 100)).toBe(1);
    expect(await idempotency.countDocuments(mine)).toBe(0);
  });

  it.each(['', 'a'.repeat(256), 'line\nbreak', 'ключ'])('%j is no key', async (idempotencyKey) => {
    const { caller } = await harness.newPayer(10);
    await expect(harness.submitJob(caller, { ...request, idempotencyKey })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      field: 'idempotencyKey',
    });
  });
});
