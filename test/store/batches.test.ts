import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Batch, countsOf, newBatch } from '../../src/domain/batches/batch.ts';
import { newId } from '../../src/domain/id.ts';
import type { Job, JobStatus } from '../../src/domain/jobs/job.ts';
import { createCountInBatch } from '../../src/operations/batches/count-in-batch.ts';
import { createRepairBatches } from '../../src/operations/batches/repair-batches.ts';
import { type BatchRepository, createBatchRepository } from '../../src/store/batches.ts';
import { createJobRepository } from '../../src/store/jobs.ts';
import { openDatabase } from '../support/database.ts';
import { aJob } from '../support/records.ts';
import { seededRandom, seedOf } from '../support/seeded-random.ts';

const JOBS = 120;
const LONG_AGO = new Date(Date.now() - 3_600_000);

let database: Awaited<ReturnType<typeof openDatabase>>;
let batches: BatchRepository;
/** The starts and signals that the batches' workflows were sent. */
let signals: string[];

beforeAll(async () => {
  database = await openDatabase();
  batches = createBatchRepository(database.collections, { publish: () => {}, invalidate: () => {} });
});
afterAll(() => database.drop());

/** A batch and its jobs, all of which are written. */
async function aBatch(statuses: readonly JobStatus[], different: Partial<Batch> = {}) {
  signals = [];
  const batchId = newId();
  const jobs = statuses.map((status) => aJob({ batchId, status }));
  const fields = {
    owner: 'account:a',
    dialect: 'graphql',
    label: null,
    retryOf: null,
    wantsArchive: true,
  } as const;
  const fresh = newBatch({ _id: batchId, jobIds: jobs.map(({ _id }) => _id), ...fields });
  const batch = { ...fresh, ...different };
  await database.collections.batches.insertOne(batch);
  if (jobs.length > 0) await database.collections.jobs.insertMany(jobs);
  return { batch, jobs };
}

const runner = {
  startBatch: async ({ batchId }: { batchId: string }) => void signals.push(`start ${batchId}`),
  signalBatch: async ({ batchId }: { batchId: string }, request: string) =>
    void signals.push(`${request} ${batchId}`),
};

const endedAs = (job: Job, status: JobStatus): Job => ({ ...job, status });

describe('counting where jobs end', () => {
  it(`${JOBS} ends at once, some of them told twice: each counted once, the batch told when none is left`, async () => {
    const seed = seedOf();
    const random = seededRandom(seed);
    const { batch, jobs } = await aBatch(Array.from({ length: JOBS }, () => 'processing'));
    // Two processes, each of which gathers what ends in it.
    const processes = [0, 1].map(() => createCountInBatch({ batches, runner }));
    const outcomes = jobs.map(() => random.pick(['ready', 'failed', 'cancelled', 'expired'] as const));
    const tell = (i: number) => random.pick(processes)(endedAs(jobs[i] as Job, outcomes[i] as JobStatus));
    await Promise.all(
      jobs.slice(1).flatMap((_, i) => (random.chance(0.3) ? [tell(i + 1), tell(i + 1)] : [tell(i + 1)])),
    );
    const before = await batches.get(batch._id);
    expect(countsOf(before).pending).toBe(1);
    expect(signals).toEqual([]);
    await tell(0);
    const counted = await batches.get(batch._id);
    const count = (outcome: string) => outcomes.filter((other) => other === outcome).length;
    expect(countsOf(counted)).toEqual({
      total: JOBS,
      pending: 0,
      ready: count('ready'),
      failed: count('failed'),
      cancelled: count('cancelled'),
      expired: count('expired'),
    });
    expect(counted.seq).toBe(1 + JOBS);
    expect(new Set(counted.events.map(({ cause }) => cause)).size).toBe(1 + JOBS);
    expect(signals).toEqual([`count ${batch._id}`]);
    console.log(`${JOBS} ends (seed ${seed}): ${JSON.stringify(countsOf(counted))}`);
  });

  it('is nothing to a job that came alone', async () => {
    signals = [];
    await createCountInBatch({ batches, runner })(aJob({ status: 'ready' }));
    expect(signals).toEqual([]);
  });
});

describe('a batch', () => {
  it('ends once, is cancelled once and has one archive; after its end nothing moves it', async () => {
    const { batch } = await aBatch([]);
    const archive = { fileId: 'f', filename: 'a.zip', size: 1, expiresAt: new Date(), error: null };
    await batches.cancel(batch._id, 'first');
    await batches.cancel(batch._id, 'second');
    await batches.setArchive(batch._id, archive);
    await batches.setArchive(batch._id, { ...archive, fileId: 'other' });
    await batches.finish(batch._id, 'partial');
    const ended = await batches.finish(batch._id, 'failed');
    expect(ended).toMatchObject({ status: 'partial', cancelReason: 'first', archive: { fileId: 'f' } });
    expect(ended.events.map(({ cause }) => cause)).toEqual(['submitted', 'cancel', 'archive', 'ended']);
    expect((await batches.cancel(batch._id, 'third')).seq).toBe(4);
  });
});

describe('the repair of batches', () => {
  const repairing = () =>
    createRepairBatches({
      batches,
      jobs: createJobRepository(database.collections, { publish: () => {} }),
      runner,
      log: { warn: () => {} },
    });

  it('tells a batch that has missed an end, starts one that was never started, and lets the others be', async () => {
    const untouched = { updatedAt: LONG_AGO };
    const { batch: behind } = await aBatch(['ready', 'processing'], untouched);
    const { batch: waiting } = await aBatch(['awaiting_upload'], untouched);
    await aBatch(['processing']);
    await aBatch(['ready'], { ...untouched, status: 'ready' });
    signals = [];
    await repairing()();
    expect(signals.toSorted()).toEqual([`count ${behind._id}`, `start ${waiting._id}`].toSorted());
  });

  it('goes on when one of them cannot be told', async () => {
    await database.collections.batches.deleteMany({});
    const { batch: first } = await aBatch(['ready'], { updatedAt: LONG_AGO });
    const { batch: second } = await aBatch(['ready'], { updatedAt: LONG_AGO });
    const failing = {
      ...runner,
      signalBatch: async (start: { batchId: string }, request: string) => {
        if (start.batchId === first._id) throw new Error('away');
        await runner.signalBatch(start, request);
      },
    };
    const jobs = createJobRepository(database.collections, { publish: () => {} });
    const warned: unknown[] = [];
    const log = { warn: (fields: unknown) => void warned.push(fields) };
    await createRepairBatches({ batches, jobs, runner: failing, log })();
    expect(signals).toEqual([`count ${second._id}`]);
    expect(warned).toHaveLength(1);
  });
});
