import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../../src/domain/id.ts';
import {
  type AdmissionRepository,
  createAdmissionRepository,
} from '../../../src/store/admissions/admissions.ts';
import { openDatabase } from '../../support/database.ts';
import { type Fault, faultyCollections } from '../../support/faulty-collections.ts';

const LIMIT = 2;

let database: Awaited<ReturnType<typeof openDatabase>>;
let healthy: AdmissionRepository;

beforeAll(async () => {
  database = await openDatabase();
  healthy = createAdmissionRepository(database.collections);
});
afterAll(() => database.drop());

/** A process that dies at its n-th write: before it, or before it hears of it. Nothing goes out after that. */
function dyingAt(last: number, how: Fault) {
  const { admissions, waiters } = database.collections;
  let writes = 0;
  const dead = () => writes >= last;
  const repository = createAdmissionRepository(
    faultyCollections(
      { admissions, waiters },
      {
        fault() {
          if (dead()) return 'before';
          writes += 1;
          return dead() ? how : null;
        },
        unread: dead,
      },
    ),
  );
  return { repository, hasDied: dead };
}

type Action = (repository: AdmissionRepository, concurrencyKey: string) => Promise<unknown>;

const single = (jobId: string) => ({ jobId, batch: false, limit: LIMIT });

/** Two convert, three wait alone, and three of a batch behind them; one still waits for its upload. */
async function crowded(): Promise<string> {
  const concurrencyKey = `account:${newId()}`;
  await healthy.open(concurrencyKey, [`${concurrencyKey}-late`], 10);
  for (const name of ['a', 'b', 'c', 'd', 'e'])
    await healthy.enter({ concurrencyKey, ...single(`${concurrencyKey}-${name}`) });
  await healthy.enterMany({
    concurrencyKey,
    jobIds: ['x', 'y', 'z'].map((name) => `${concurrencyKey}-${name}`),
    limit: LIMIT,
  });
  return concurrencyKey;
}

const ACTIONS: Record<string, Action> = {
  'a job lines up': (repository, concurrencyKey) =>
    repository.enter({ concurrencyKey, ...single(`${concurrencyKey}-late`) }),
  'a job lines up where there is room': async (repository, concurrencyKey) => {
    await repository.enter({ concurrencyKey, ...single(`${concurrencyKey}-late`), limit: 3 });
  },
  'a batch lines up': (repository, concurrencyKey) =>
    repository.enterMany({
      concurrencyKey,
      jobIds: ['late', 'y', 'u'].map((name) => `${concurrencyKey}-${name}`),
      limit: LIMIT,
    }),
  'a job leaves and the next gets in': (repository, concurrencyKey) =>
    repository.leave(concurrencyKey, [`${concurrencyKey}-a`], LIMIT),
  'some who wait leave': (repository, concurrencyKey) =>
    repository.leave(
      concurrencyKey,
      ['c', 'x'].map((name) => `${concurrencyKey}-${name}`),
      LIMIT,
    ),
  'some who convert and some who wait leave': (repository, concurrencyKey) =>
    repository.leave(
      concurrencyKey,
      ['a', 'b', 'c', 'd', 'y'].map((name) => `${concurrencyKey}-${name}`),
      LIMIT,
    ),
};

/** Repeats an action, asks for everyone who has not left, and lets all leave in turn. @returns who got in. */
async function finish(concurrencyKey: string, action: Action, left: readonly string[]): Promise<string[]> {
  await action(healthy, concurrencyKey);
  const names = ['a', 'b', 'c', 'd', 'e', 'x', 'y', 'z', 'u', 'late'];
  const jobs = names.map((name) => `${concurrencyKey}-${name}`).filter((jobId) => !left.includes(jobId));
  for (const jobId of jobs)
    await healthy.enter({ concurrencyKey, jobId, batch: /[xyzu]$/.test(jobId), limit: LIMIT });
  const order: string[] = [];
  for (;;) {
    const now = await healthy.find(concurrencyKey);
    const active = now?.active ?? [];
    expect(active.length).toBeLessThanOrEqual(LIMIT + 1);
    expect(active.filter((jobId) => left.includes(jobId) || order.includes(jobId))).toEqual([]);
    const next = active[0];
    if (next === undefined) break;
    order.push(next);
    await healthy.leave(concurrencyKey, [next], LIMIT);
  }
  return order;
}

describe('a process that dies at any write of', () => {
  const gone: Record<string, string[]> = {
    'a job leaves and the next gets in': ['a'],
    'some who wait leave': ['c', 'x'],
    'some who convert and some who wait leave': ['a', 'b', 'c', 'd', 'y'],
  };

  it.each(Object.keys(ACTIONS))('%s: whoever repeats it finishes it, and all get in once', async (name) => {
    const action = ACTIONS[name] as Action;
    let points = 0;
    for (const how of ['before', 'after'] as const) {
      for (let last = 1; ; last += 1) {
        const concurrencyKey = await crowded();
        const { repository, hasDied } = dyingAt(last, how);
        await action(repository, concurrencyKey).catch(() => {});
        const left = (gone[name] ?? []).map((job) => `${concurrencyKey}-${job}`);
        const all = ['a', 'b', 'c', 'd', 'e', 'x', 'y', 'z', 'u', 'late'].map(
          (job) => `${concurrencyKey}-${job}`,
        );
        const order = await finish(concurrencyKey, action, left);
        expect(order.toSorted()).toEqual(all.filter((jobId) => !left.includes(jobId)).toSorted());
        // Single jobs keep their order, and none of them begins behind one of a batch that was there with it.
        const singles = order.filter((jobId) => /-[cde]$/.test(jobId));
        expect(singles).toEqual(singles.toSorted());
        const { active, single: line, batch } = (await healthy.find(concurrencyKey)) ?? {};
        expect([active, line?.waiting, batch?.waiting]).toEqual([[], 0, 0]);
        if (!hasDied()) break;
        points += 1;
      }
    }
    console.log(`${name}: ${points} crash points`);
    expect(points).toBeGreaterThan(1);
    const waiters = await database.collections.waiters.find({}).toArray();
    expect(waiters.filter(({ jobId }) => jobId !== undefined)).toEqual([]);
  });
});
