import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newId } from '../../src/domain/id.ts';
import type { JobStatus } from '../../src/domain/jobs/job.ts';
import { type Admissions, createAdmissions } from '../../src/operations/jobs/admissions.ts';
import { createRepairAdmissions } from '../../src/operations/jobs/repair-admissions.ts';
import {
  type AdmissionRepository,
  createAdmissionRepository,
} from '../../src/store/admissions/admissions.ts';
import { createLaneChecks } from '../../src/store/admissions/lane-checks.ts';
import { createUploadRepository } from '../../src/store/uploads.ts';
import { openDatabase } from '../support/database.ts';
import { aJob } from '../support/records.ts';
import { seededRandom, seedOf } from '../support/seeded-random.ts';

let database: Awaited<ReturnType<typeof openDatabase>>;
let admissions: AdmissionRepository;

beforeAll(async () => {
  database = await openDatabase();
  admissions = createAdmissionRepository(database.collections);
});
afterAll(() => database.drop());

const newLane = () => `account:${newId()}`;

/** A lane with those who wait in it, in their order. */
async function laneNow(lane: string) {
  const found = await admissions.find(lane);
  if (!found) throw new Error('The lane is not there.');
  const { open, active, single, batch } = found;
  return { open, active, waiting: await inLine(lane, 'single'), waitingBatch: await inLine(lane, 'batch') };

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

describe('a lane', () => {
  it('lets in as many as the plan has places for, and lines up the others in their order', async () => {
    const lane = newLane();
    const enter = (jobId: string) => admissions.enter({ lane, jobId, batch: false, limit: 2 });
    for (const jobId of ['a', 'b', 'c', 'd']) await enter(jobId);
    expect(await laneNow(lane)).toMatchObject({ active: ['a', 'b'], waiting: ['c', 'd'] });
    // A repeat whose first answer was lost changes nothing.
    for (const jobId of ['a', 'd', 'c', 'b']) await enter(jobId);
    expect(await laneNow(lane)).toMatchObject({ active: ['a', 'b'], waiting: ['c', 'd'] });
    expect(await admissions.leave(lane, ['a'], 2)).toEqual(['c']);
    expect(await admissions.leave(lane, ['a'], 2)).toEqual([]);
    expect(await admissions.leave(lane, ['d'], 2)).toEqual([]);
    expect(await laneNow(lane)).toMatchObject({ active: ['b', 'c'], waiting: [] });
  });

  it('lets every single job pass those of a batch, and never the other way round', async () => {
    const lane = newLane();
    const enter = (jobId: string, batch: boolean) => admissions.enter({ lane, jobId, batch, limit: 1 });
    await enter('batch-1', true);
    await enter('batch-2', true);
    await enter('single', false);
    await enter('batch-3', true);
    expect(await admissions.leave(lane, ['batch-1'], 1)).toEqual(['single']);
    expect(await admissions.leave(lane, ['single'], 1)).toEqual(['batch-2']);
    expect(await admissions.leave(lane, ['batch-2'], 1)).toEqual(['batch-3']);
  });

  it('lines up a batch at once, behind what waits already; a repeat changes nothing', async () => {
    const lane = newLane();
    await admissions.open(lane, ['b', 'c'], 10);
    await admissions.enter({ lane, jobId: 'single', batch: false, limit: 2 });
    const batch = { lane, jobIds: ['a', 'b', 'c', 'd'], limit: 2 };
    expect((await admissions.enterMany(batch)).admitted).toEqual(['a']);
    expect((await admissions.enterMany(batch)).admitted).toEqual([]);
    await admissions.enter({ lane, jobId: 'another', batch: false, limit: 2 });
    expect(await laneNow(lane)).toMatchObject({
      ...{ open: [], active: ['single', 'a'], waiting: ['another'], waitingBatch: ['b', 'c', 'd'] },
    });
    expect(await admissions.leave(lane, ['single', 'a'], 2)).toEqual(['another', 'b']);
  });

  it('fills up when the plan grows, and lets nobody in while it shrinks', async () => {
    const lane = newLane();
    const enter = (jobId: string, limit: number) => admissions.enter({ lane, jobId, batch: false, limit });
    for (const jobId of ['a', 'b', 'c']) await enter(jobId, 1);
    expect((await enter('c', 3)).admitted).toEqual(['b', 'c']);
    await enter('d', 1);
    expect(await admissions.leave(lane, ['a'], 1)).toEqual([]);
    expect(await admissions.leave(lane, ['b'], 1)).toEqual([]);
    expect(await admissions.leave(lane, ['c'], 1)).toEqual(['d']);
  });

  it('awaits so many uploads and not one more; each that arrives makes room', async () => {
    const lane = newLane();
    expect(await admissions.open(lane, ['a', 'b'], 3)).toBe(true);
    expect(await admissions.open(lane, ['c', 'd'], 3)).toBe(false);
    expect(await admissions.open(lane, ['c'], 3)).toBe(true);
    expect(await admissions.open(lane, ['d'], 3)).toBe(false);
    await admissions.enter({ lane, jobId: 'a', batch: false, limit: 1 });
    expect(await admissions.open(lane, ['d'], 3)).toBe(true);
    expect(await laneNow(lane)).toMatchObject({ open: ['b', 'c', 'd'], active: ['a'] });
    expect(await admissions.open(lane, ['e', 'f', 'g', 'h'], 3)).toBe(false);
  });

  it('300 jobs that come and go side by side: never more than 7 at a time, and all get in', async () => {
    const seed = seedOf();
    const random = seededRandom(seed);
    const lane = newLane();
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
      letIn((await admissions.enter({ lane, jobId, batch: random.chance(0.5), limit: 7 })).admitted);
      await begun;
      inside.delete(jobId);
      letIn(await admissions.leave(lane, [jobId], 7));
    }

    await Promise.all(Array.from({ length: 300 }, (_, i) => live(`job-${i}`)));
    console.log(`300 jobs, at most ${most} of 7 at a time, seed ${seed}`);
    expect(admitted.size).toBe(300);
    expect(most).toBeLessThanOrEqual(7);
    expect(await laneNow(lane)).toMatchObject({ active: [], waiting: [], waitingBatch: [] });
  });

  it('200 jobs of which many give up, waiting or not: all others get in, and nothing is left behind', async () => {
    const seed = seedOf();
    const random = seededRandom(seed);
    const lane = newLane();
    const limit = 5;
    const begun = new Map<string, () => void>();
    const letIn = (jobIds: readonly string[]) => {
      for (const jobId of jobIds) begun.get(jobId)?.();
    };
    const leave = async (jobId: string) => letIn(await admissions.leave(lane, [jobId], limit));

    async function live(jobId: string, givesUp: boolean, batch: boolean): Promise<void> {
      const turn = new Promise<void>((resolve) => begun.set(jobId, resolve));
      const enter = admissions.enter({ lane, jobId, batch, limit }).then(({ admitted }) => letIn(admitted));
      // Some give up while they still come in.
      if (givesUp && random.chance(0.5)) await Promise.all([enter, leave(jobId)]);
      await enter;
      if (!givesUp) await turn;
      await leave(jobId);
    }

    const ids = Array.from({ length: 200 }, (_, i) => `${lane}-${i}`);
    await Promise.all(ids.map((jobId) => live(jobId, random.chance(0.4), random.chance(0.5))));
    console.log(`200 jobs of which many give up, seed ${seed}`);
    const left = await admissions.find(lane);
    expect(left).toMatchObject({ active: [], single: { waiting: 0 }, batch: { waiting: 0 } });
    const waiters = await database.collections.waiters.find({}).toArray();
    expect(waiters.filter(({ jobId }) => jobId?.startsWith(lane))).toEqual([]);
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
      lanes: createLaneChecks(database.collections),
      jobs,
      uploads: createUploadRepository(database.collections),
      admissions: queue,
      log: { warn: () => {} },
    });
  }

  /** A round in which all lanes in which something happens are due. */
  const SOON = 60_000;
  const laterBy = (ms: number) => Date.now() + ms;

  const queued = (owner: string, different = {}) => aJob({ owner, status: 'queued', ...different });

  it('tell a job its position, and whoever is next that it may begin', async () => {
    open(1);
    const owner = newLane();
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

  it('take the guests of one address together, and refuse what is prepared beyond the cap', async () => {
    open(1);
    const lane = `address:203.0.113.${Math.floor(Math.random() * 256)}`;
    expect(await queue.admit(queued('guest:one', { lane }))).toBeNull();
    expect(await queue.admit(queued('guest:two', { lane }))).toBe(1);
    await queue.openUploads(`${lane}0`, ['upload']);
    await expect(queue.openUploads(`${lane}0`, ['another'])).rejects.toMatchObject({ code: 'RATE_LIMITED' });
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
    expect(await laneNow(owner)).toMatchObject({ active: [next._id], waiting: [vanished._id] });
    statuses.set(next._id, 'ready');
    // One that has ended is let in, found to have ended, and leaves within the same round.
    statuses.set(vanished._id, 'cancelled');
    await repair(laterBy(2 * SOON));
    expect(await laneNow(owner)).toMatchObject({ active: [], waiting: [] });
    await repair(laterBy(3 * SOON));
    expect(await admissions.find(owner)).toBeNull();
    expect(woken).toEqual([next._id]);
  });

  it('tell a job again that was let in and has not heard of it', async () => {
    open(1);
    const owner = newLane();
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

  it('keep the lane of an account a day after the last job', async () => {
    open(1);
    const owner = newLane();
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
