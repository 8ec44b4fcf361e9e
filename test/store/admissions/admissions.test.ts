import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newId } from '../../../src/domain/id.ts';
import type { Job, JobStatus } from '../../../src/domain/jobs/job.ts';
import { type Admissions, createAdmissions } from '../../../src/operations/jobs/admissions.ts';
import { createRepairAdmissions } from '../../../src/operations/jobs/repair-admissions.ts';
import { createAdmissionChecks } from '../../../src/store/admissions/admission-checks.ts';
import {
  type AdmissionRepository,
  createAdmissionRepository,
} from '../../../src/store/admissions/admissions.ts';
import { createUploadRepository } from '../../../src/store/uploads.ts';
import { openDatabase } from '../../support/database.ts';
import { aJob } from '../../support/records.ts';
import { seededRandom, seedOf } from '../../support/seeded-random.ts';

let database: Awaited<ReturnType<typeof openDatabase>>;
let admissions: AdmissionRepository;

beforeAll(async () => {
  database = await openDatabase();
  admissions = createAdmissionRepository(database.collections);
});
afterAll(() => database.drop());

const newConcurrencyKey = () => `account:${newId()}`;

/** An admission with those who wait in it, in their order. */
async function admissionNow(concurrencyKey: string) {
  const found = await admissions.find(concurrencyKey);
  if (!found) throw new Error('The admission is not there.');
  const { open, active, single, batch } = found;
  return {
    open,
    active,
    waiting: await inLine(concurrencyKey, 'single'),
    waitingBatch: await inLine(concurrencyKey, 'batch'),
  };

  async function inLine(_id: string, queue: 'single' | 'batch') {
    const { head, waiting } = queue === 'single' ? single : batch;
    const all = await database.collections.waiters.find({}).toArray();
    const prefix = `${_id}:${queue}:`;
    return all
      .filter((waiter) => waiter._id.startsWith(prefix) && waiter.jobId !== undefined)
      .map((waiter) => ({ ...waiter, ticket: Number(waiter._id.slice(prefix.length)) }))
      .filter(({ ticket }) => ticket >= head && ticket < head + waiting)
      .sort((one, other) => one.ticket - other.ticket)
      .map(({ jobId }) => jobId);
  }
}

describe('an admission', () => {
  it('lets in as many as the plan has places for, and lines up the others in their order', async () => {
    const concurrencyKey = newConcurrencyKey();
    const enter = (jobId: string) => admissions.enter({ concurrencyKey, jobId, batch: false, limit: 2 });
    for (const jobId of ['a', 'b', 'c', 'd']) await enter(jobId);
    expect(await admissionNow(concurrencyKey)).toMatchObject({ active: ['a', 'b'], waiting: ['c', 'd'] });
    // A repeat whose first answer was lost changes nothing.
    for (const jobId of ['a', 'd', 'c', 'b']) await enter(jobId);
    expect(await admissionNow(concurrencyKey)).toMatchObject({ active: ['a', 'b'], waiting: ['c', 'd'] });
    expect(await admissions.leave(concurrencyKey, ['a'], 2)).toEqual(['c']);
    expect(await admissions.leave(concurrencyKey, ['a'], 2)).toEqual([]);
    expect(await admissions.leave(concurrencyKey, ['d'], 2)).toEqual([]);
    expect(await admissionNow(concurrencyKey)).toMatchObject({ active: ['b', 'c'], waiting: [] });
  });

  it('lets every single job pass those of a batch, and never the other way round', async () => {
    const concurrencyKey = newConcurrencyKey();
    const enter = (jobId: string, batch: boolean) =>
      admissions.enter({ concurrencyKey, jobId, batch, limit: 1 });
    await enter('batch-1', true);
    await enter('batch-2', true);
    await enter('single', false);
    await enter('batch-3', true);
    expect(await admissions.leave(concurrencyKey, ['batch-1'], 1)).toEqual(['single']);
    expect(await admissions.leave(concurrencyKey, ['single'], 1)).toEqual(['batch-2']);
    expect(await admissions.leave(concurrencyKey, ['batch-2'], 1)).toEqual(['batch-3']);
  });

  it('lines up a batch at once, behind what waits already; a repeat changes nothing', async () => {
    const concurrencyKey = newConcurrencyKey();
    await admissions.open(concurrencyKey, ['b', 'c'], 10);
    await admissions.enter({ concurrencyKey, jobId: 'single', batch: false, limit: 2 });
    const batch = { concurrencyKey, jobIds: ['a', 'b', 'c', 'd'], limit: 2 };
    expect((await admissions.enterMany(batch)).admitted).toEqual(['a']);
    expect((await admissions.enterMany(batch)).admitted).toEqual([]);
    await admissions.enter({ concurrencyKey, jobId: 'another', batch: false, limit: 2 });
    expect(await admissionNow(concurrencyKey)).toMatchObject({
      open: [],
      active: ['single', 'a'],
      waiting: ['another'],
      waitingBatch: ['b', 'c', 'd'],
    });
    expect(await admissions.leave(concurrencyKey, ['single', 'a'], 2)).toEqual(['another', 'b']);
  });

  it('fills up when the plan grows, and lets nobody in while it shrinks', async () => {
    const concurrencyKey = newConcurrencyKey();
    const enter = (jobId: string, limit: number) =>
      admissions.enter({ concurrencyKey, jobId, batch: false, limit });
    for (const jobId of ['a', 'b', 'c']) await enter(jobId, 1);
    expect((await enter('c', 3)).admitted).toEqual(['b', 'c']);
    await enter('d', 1);
    expect(await admissions.leave(concurrencyKey, ['a'], 1)).toEqual([]);
    expect(await admissions.leave(concurrencyKey, ['b'], 1)).toEqual([]);
    expect(await admissions.leave(concurrencyKey, ['c'], 1)).toEqual(['d']);
  });

  it('awaits so many uploads and not one more; each that arrives makes room', async () => {
    const concurrencyKey = newConcurrencyKey();
    expect(await admissions.open(concurrencyKey, ['a', 'b'], 3)).toBe(true);
    expect(await admissions.open(concurrencyKey, ['c', 'd'], 3)).toBe(false);
    expect(await admissions.open(concurrencyKey, ['c'], 3)).toBe(true);
    expect(await admissions.open(concurrencyKey, ['d'], 3)).toBe(false);
    await admissions.enter({ concurrencyKey, jobId: 'a', batch: false, limit: 1 });
    expect(await admissions.open(concurrencyKey, ['d'], 3)).toBe(true);
    expect(await admissionNow(concurrencyKey)).toMatchObject({ open: ['b', 'c', 'd'], active: ['a'] });
    expect(await admissions.open(concurrencyKey, ['e', 'f', 'g', 'h'], 3)).toBe(false);
  });

  it('300 jobs that come and go side by side: never more than 7 at a time, and all get in', async () => {
    const seed = seedOf();
    const random = seededRandom(seed);
    const concurrencyKey = newConcurrencyKey();
    const inside = new Set<string>();
    const admitted = new Set<string>();
    let most = 0;
    const waiting = new Map<string, () => void>();

    function letIn(jobIds: readonly string[]): void {
      for (const jobId of jobIds) {
        admitted.add(jobId);
        inside.add(jobId);
        most = Math.max(most, inside.size);
        waiting.get(jobId)?.();
      }
    }

    async function live(jobId: string): Promise<void> {
      const begun = new Promise<void>((resolve) => waiting.set(jobId, resolve));
      letIn(
        (await admissions.enter({ concurrencyKey, jobId, batch: random.chance(0.5), limit: 7 })).admitted,
      );
      await begun;
      inside.delete(jobId);
      letIn(await admissions.leave(concurrencyKey, [jobId], 7));
    }

    await Promise.all(Array.from({ length: 300 }, (_, i) => live(`job-${i}`)));
    console.log(`300 jobs, at most ${most} of 7 at a time, seed ${seed}`);
    expect(admitted.size).toBe(300);
    expect(most).toBeLessThanOrEqual(7);
    expect(await admissionNow(concurrencyKey)).toMatchObject({ active: [], waiting: [], waitingBatch: [] });
  });

  it('200 jobs of which many give up, waiting or not: all others get in, and nothing is left behind', async () => {
    const seed = seedOf();
    const random = seededRandom(seed);
    const concurrencyKey = newConcurrencyKey();
    const limit = 5;
    const begun = new Map<string, () => void>();
    const letIn = (jobIds: readonly string[]) => {
      for (const jobId of jobIds) begun.get(jobId)?.();
    };
    const leave = async (jobId: string) => letIn(await admissions.leave(concurrencyKey, [jobId], limit));

    async function live(jobId: string, givesUp: boolean, batch: boolean): Promise<void> {
      const turn = new Promise<void>((resolve) => begun.set(jobId, resolve));
      const enter = admissions
        .enter({ concurrencyKey, jobId, batch, limit })
        .then(({ admitted }) => letIn(admitted));
      // Some give up while they still come in.
      if (givesUp && random.chance(0.5)) await Promise.all([enter, leave(jobId)]);
      await enter;
      if (!givesUp) await turn;
      await leave(jobId);
    }

    const ids = Array.from({ length: 200 }, (_, i) => `${concurrencyKey}-${i}`);
    await Promise.all(ids.map((jobId) => live(jobId, random.chance(0.4), random.chance(0.5))));
    console.log(`200 jobs of which many give up, seed ${seed}`);
    const left = await admissions.find(concurrencyKey);
    expect(left).toMatchObject({ active: [], single: { waiting: 0 }, batch: { waiting: 0 } });
    const waiters = await database.collections.waiters.find({}).toArray();
    expect(waiters.filter(({ jobId }) => jobId?.startsWith(concurrencyKey))).toEqual([]);
  });
});

describe('admissions', () => {
  const statuses = new Map<string, JobStatus>();
  let updatedAt: Date;
  let woken: string[];
  let queue: Admissions;
  let repair: (now?: number) => Promise<void>;

  beforeEach(async () => {
    await database.collections.admissions.deleteMany({});
    await database.collections.waiters.deleteMany({});
  });

  function open(limit: number): void {
    woken = [];
    updatedAt = new Date();
    const jobs = {
      getMany: async (ids: readonly string[]) =>
        ids.map((_id) => aJob({ _id, status: statuses.get(_id) ?? 'queued', updatedAt })),
      statusesOf: async (ids: readonly string[]) =>
        new Map(ids.flatMap((id) => (statuses.has(id) ? [[id, statuses.get(id) as JobStatus]] : []))),
    };
    queue = createAdmissions({
      admissions,
      jobs,
      runner: { admitJob: async ({ jobId }) => void woken.push(jobId) },
      concurrencyOf: async () => limit,
      openUploads: { account: 2, guest: 1 },
      log: { warn: () => {} },
      freshMs: 0,
    });
    repair = createRepairAdmissions({
      checks: createAdmissionChecks(database.collections),
      jobs,
      uploads: createUploadRepository(database.collections),
      admissions: queue,
      log: { warn: () => {} },
    });
  }

  /** A round in which all admissions in which something happens are due. */
  const SOON = 60_000;
  const laterBy = (ms: number) => Date.now() + ms;

  const queued = (owner: string, different = {}) => aJob({ owner, status: 'queued', ...different });

  it('tell a job its position, and whoever is next that it may begin', async () => {
    open(1);
    const owner = newConcurrencyKey();
    const [first, second, third] = [queued(owner), queued(owner), queued(owner)];
    expect(await queue.admit(first)).toBeNull();
    expect(await queue.admit(second)).toBe(1);
    expect(await queue.admit(third)).toBe(2);
    expect(await queue.positionOf(third)).toBe(2);
    await queue.leave(first);
    expect(woken).toEqual([second._id]);
    expect(await queue.admit(second)).toBeNull();
    expect(await queue.positionOf(third)).toBe(1);
    expect(await queue.positionOf(second)).toBeNull();
  });

  it('count only those who still wait ahead: nobody who has left, single or in a batch', async () => {
    open(1);
    const owner = newConcurrencyKey();
    const singles = Array.from({ length: 5 }, () => queued(owner));
    const batch = Array.from({ length: 4 }, () => queued(owner, { batchId: 'b' }));
    const [converting, gone, waits, expired, last] = singles as [Job, Job, Job, Job, Job];
    for (const job of singles) await queue.admit(job);
    await queue.admitBatch(batch);
    for (const job of [gone, expired, batch[1] as Job]) await queue.leave(job);
    expect(await queue.positionOf(waits)).toBe(1);
    expect(await queue.admit(last)).toBe(2);
    expect(await queue.positionOf(last)).toBe(2);
    expect(await Promise.all(batch.map((job) => queue.positionOf(job)))).toEqual([3, null, 4, 5]);
    await queue.leave(converting);
    expect(woken).toEqual([waits._id]);
    expect(await queue.positionOf(last)).toBe(1);
  });

  it('take the guests of one address together, and refuse what is prepared beyond the cap', async () => {
    open(1);
    const concurrencyKey = `address:203.0.113.${Math.floor(Math.random() * 256)}`;
    expect(await queue.admit(queued('guest:one', { lane: concurrencyKey }))).toBeNull();
    expect(await queue.admit(queued('guest:two', { lane: concurrencyKey }))).toBe(1);
    await queue.openUploads(`${concurrencyKey}0`, ['upload']);
    await expect(queue.openUploads(`${concurrencyKey}0`, ['another'])).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      message: expect.stringMatching(/^At most \d+ uploads may be open at a time\.$/),
      hint: 'Send or cancel what was prepared before. An account may have more.',
    });
  });

  it('find the places of jobs that ended without leaving, and forget an address where nothing happens', async () => {
    open(1);
    const owner = `address:${newId()}`;
    const [lost, next, vanished] = [queued(owner), queued(owner), queued(owner)];
    for (const job of [lost, next, vanished]) await queue.admit(job);
    statuses.set(lost._id, 'failed');
    statuses.set(next._id, 'queued');
    await repair(laterBy(SOON));
    expect(woken).toEqual([next._id]);
    expect(await admissionNow(owner)).toMatchObject({ active: [next._id], waiting: [vanished._id] });
    statuses.set(next._id, 'ready');
    // One that has ended is let in, found to have ended, and leaves within the same round.
    statuses.set(vanished._id, 'cancelled');
    await repair(laterBy(2 * SOON));
    expect(await admissionNow(owner)).toMatchObject({ active: [], waiting: [] });
    await repair(laterBy(3 * SOON));
    expect(await admissions.find(owner)).toBeNull();
    expect(woken).toEqual([next._id]);
  });

  it('tell a job again that was let in and has not heard of it', async () => {
    open(1);
    const owner = newConcurrencyKey();
    const [first, second] = [queued(owner), queued(owner)];
    await queue.admit(first);
    await queue.admit(second);
    // The process died before it told the second.
    await admissions.leave(owner, [first._id], 1);
    statuses.set(second._id, 'queued');
    await repair(laterBy(SOON));
    expect(woken).toEqual([second._id]);
    statuses.set(second._id, 'processing');
    await repair(laterBy(2 * SOON));
    expect(woken).toEqual([second._id]);
  });

  it('keep the admission of an account a day after the last job', async () => {
    open(1);
    const owner = newConcurrencyKey();
    const job = queued(owner);
    await queue.admit(job);
    await queue.leave(job);
    await repair(laterBy(SOON));
    await repair(laterBy(2 * SOON));
    expect(await admissions.find(owner)).not.toBeNull();
    await repair(laterBy(25 * 3_600_000));
    expect(await admissions.find(owner)).toBeNull();
  });
});
