import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { newId } from '../../../src/domain/id.ts';
import type { Admission } from '../../../src/domain/jobs/admission.ts';
import { createAdmissions } from '../../../src/operations/jobs/admissions.ts';
import { createRepairAdmissions } from '../../../src/operations/jobs/repair-admissions.ts';
import { createAdmissionChecks } from '../../../src/store/admissions/admission-checks.ts';
import {
  type AdmissionRepository,
  createAdmissionRepository,
} from '../../../src/store/admissions/admissions.ts';
import { createJobRepository } from '../../../src/store/jobs.ts';
import { connectMongo, type Mongo } from '../../../src/store/mongo/mongo.ts';
import { createUploadRepository } from '../../../src/store/uploads.ts';
import { countCommands } from '../../support/command-count.ts';
import { aJob } from '../../support/records.ts';

/** The harness goes on to 100,000. */
const MANY = 1000;

let mongo: Mongo;
let admissions: AdmissionRepository;
let counted: ReturnType<typeof countCommands>;

beforeAll(async () => {
  const uri = new URL(inject('mongoUri'));
  uri.searchParams.set('monitorCommands', 'true');
  mongo = await connectMongo(uri.href, `kiln-test-${randomBytes(6).toString('hex')}`);
  admissions = createAdmissionRepository(mongo.collections);
  counted = countCommands(mongo);
});
afterAll(async () => {
  await mongo.db.dropDatabase();
  await mongo.close();
});

/** A concurrency key of which one job converts and all others wait. */
async function crowdedKey(waiting: number): Promise<string> {
  const concurrencyKey = `account:${newId()}`;
  await admissions.enter({ concurrencyKey, jobId: newId(), batch: false, limit: 1 });
  const all = Array.from({ length: waiting }, newId);
  while (all.length > 0) await admissions.enterMany({ concurrencyKey, jobIds: all.splice(0, 500), limit: 1 });
  return concurrencyKey;
}

describe('an admission in which thousands wait', () => {
  it('costs the same commands and stays as small as one in which ten do', async () => {
    const costs: unknown[] = [];
    for (const waiting of [10, MANY]) {
      const concurrencyKey = await crowdedKey(waiting);
      const jobId = newId();
      const enter = await counted.of(() =>
        admissions.enter({ concurrencyKey, jobId, batch: false, limit: 1 }),
      );
      const { active = [] } = (await admissions.find(concurrencyKey)) ?? {};
      const leave = await counted.of(() => admissions.leave(concurrencyKey, active, 1));
      const bytes = JSON.stringify(
        await mongo.collections.admissions.findOne({ _id: concurrencyKey }),
      ).length;
      expect((await admissions.find(concurrencyKey))?.active).toEqual([jobId]);
      costs.push({ enter, leave, bytes: bytes < 500 });
    }
    console.log(JSON.stringify(costs[1]));
    expect(costs[1]).toEqual(costs[0]);
    expect(costs[0]).toMatchObject({ bytes: true });
  });

  it('costs a repair round the same commands as one in which nobody waits', async () => {
    const rounds: string[][] = [];
    const jobs = createJobRepository(mongo.collections, { publish: () => {} });
    const calls: string[] = [];
    const log = { warn: (fields: object) => void calls.push(JSON.stringify(fields)) };
    const queue = createAdmissions({
      admissions,
      jobs,
      log,
      runner: { admitJob: async ({ jobId }) => void calls.push(jobId) },
      concurrencyOf: async () => 1,
      openUploads: { account: 2, guest: 1 },
    });
    const checks = createAdmissionChecks(mongo.collections);
    const uploads = createUploadRepository(mongo.collections);
    const repair = createRepairAdmissions({ checks, jobs, uploads, admissions: queue, log });
    for (const waiting of [0, MANY]) {
      await mongo.collections.admissions.deleteMany({});
      const concurrencyKey = await crowdedKey(waiting);
      const { active = [] } = (await admissions.find(concurrencyKey)) ?? {};
      await mongo.collections.jobs.insertMany(active.map((_id) => aJob({ _id, status: 'processing' })));
      rounds.push(await counted.of(() => repair(Date.now() + 60_000)));
    }
    console.log(rounds.map((commands) => commands.join(' ')).join('\n'));
    expect(rounds[1]).toEqual(rounds[0]);
    expect(calls).toEqual([]);
  });
});

describe('an admission from before who waits stood in documents of its own', () => {
  it('is what it was: the same job is next, and each that leaves lets the next one in', async () => {
    const concurrencyKey = `account:${newId()}`;
    const old = {
      _id: concurrencyKey,
      open: ['o'],
      active: ['a'],
      waiting: ['b', 'c'],
      waitingBatch: ['x', 'y'],
      seq: 9,
    };
    await mongo.collections.admissions.insertOne(old as unknown as Admission);
    expect(await admissions.positionOf(concurrencyKey, 'c')).toBeNull();
    expect(await admissions.enter({ concurrencyKey, jobId: 'o', batch: false, limit: 1 })).toMatchObject({
      position: 3,
    });
    expect(await admissions.positionOf(concurrencyKey, 'y')).toBe(5);
    const order: string[] = [];
    for (let next: string[] = ['a']; next.length > 0; next = await admissions.leave(concurrencyKey, next, 1))
      order.push(...next);
    expect(order).toEqual(['a', 'b', 'c', 'o', 'x', 'y']);
  });

  it('is looked at by the first repair round', async () => {
    const concurrencyKey = `account:${newId()}`;
    const old = { _id: concurrencyKey, open: [], active: ['a'], waiting: ['b'], waitingBatch: [], seq: 9 };
    await mongo.collections.admissions.insertOne(old as unknown as Admission);
    const due = await createAdmissionChecks(mongo.collections).listDue(new Date(), 10);
    expect(due.map(({ _id }) => _id)).toContain(concurrencyKey);
    expect(due.find(({ _id }) => _id === concurrencyKey)).toMatchObject({ single: { waiting: 1 } });
  });
});
