import { afterAll, beforeAll, expect, it } from 'vitest';
import { newId } from '../../../src/domain/id.ts';
import { createAdmissionChecks } from '../../../src/store/admissions/admission-checks.ts';
import { createAdmissionRepository } from '../../../src/store/admissions/admissions.ts';
import { openDatabase } from '../../support/database.ts';
import { timeLimit } from '../../support/time-limit.ts';

let database: Awaited<ReturnType<typeof openDatabase>>;
beforeAll(async () => {
  database = await openDatabase();
});
afterAll(() => database.drop());

const MANY = 3000;

/** What is stored of a key's queues: jobs that stand, and numbers that are closed. */
async function stored(concurrencyKey: string): Promise<number> {
  const all = await database.collections.waiters.find({}).toArray();
  return all.filter(({ _id }) => _id.startsWith(`${concurrencyKey}:`)).length;
}

/** A key of which one job converts, while thousands that waited have left: none stands at their numbers. */
async function desertedKey() {
  const concurrencyKey = `account:${newId()}`;
  const admissions = createAdmissionRepository(database.collections);
  await admissions.enter({ concurrencyKey, jobId: newId(), batch: false, limit: 1 });
  const ids = Array.from({ length: MANY }, newId);
  for (let at = 0; at < MANY; at += 500) {
    const jobIds = ids.slice(at, at + 500);
    await admissions.enterMany({ concurrencyKey, jobIds, limit: 1 });
    await admissions.leave(concurrencyKey, jobIds, 1);
  }
  const now = async () => {
    const found = await admissions.find(concurrencyKey);
    if (!found) throw new Error('The admission is not there.');
    return found;
  };
  return { concurrencyKey, admissions, now };
}

/** Lets in until every number has passed, in processes that die, or lose the database, before they clear one. */
async function passWithoutClearing({ now }: Awaited<ReturnType<typeof desertedKey>>): Promise<void> {
  const { waiters, admissions } = database.collections;
  const neverClearing = new Proxy(waiters, {
    get: (target, name) =>
      name === 'deleteMany' ? () => Promise.reject(new Error('it dies')) : Reflect.get(target, name, target),
  });
  const dying = createAdmissionRepository({ admissions, waiters: neverClearing });
  while ((await now()).batch.waiting > 0)
    await expect(dying.fill(await now(), 600)).rejects.toThrow('it dies');
}

it('numbers that were closed go with the next that has its turn, however many a crash has left', {
  timeout: timeLimit(120_000),
}, async () => {
  const key = await desertedKey();
  const { concurrencyKey, admissions } = key;
  expect(await stored(concurrencyKey)).toBe(0);
  await passWithoutClearing(key);
  expect(await stored(concurrencyKey)).toBe(MANY);
  const { active } = await key.now();
  const next = newId();
  await admissions.enterMany({ concurrencyKey, jobIds: [next], limit: 1 });
  expect(await admissions.leave(concurrencyKey, active, 1)).toEqual([next]);
  expect(await stored(concurrencyKey)).toBe(0);
});

it('an admission that is forgotten, or noted as idle, leaves no number behind', {
  timeout: timeLimit(120_000),
}, async () => {
  const checks = createAdmissionChecks(database.collections);
  for (const settle of ['forget', 'noteIdle'] as const) {
    const key = await desertedKey();
    await passWithoutClearing(key);
    await key.admissions.leave(key.concurrencyKey, (await key.now()).active, 1);
    await checks[settle](await key.now(), new Date(Date.now() + 60_000));
    expect(await stored(key.concurrencyKey)).toBe(0);
  }
});
