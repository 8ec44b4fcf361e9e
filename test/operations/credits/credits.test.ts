import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../../src/domain/id.ts';
import { openDatabase } from '../../support/database.ts';
import type { Fault } from '../../support/faulty-collections.ts';
import { createInterleaving } from '../../support/interleaving.ts';
import { anAccount, insist, type Money, openMoney, refusalOf, sumOfLedger } from '../../support/money.ts';
import { type SeededRandom, seededRandom, seedOf } from '../../support/seeded-random.ts';

const ROUNDS = 20;
const JOBS = 8;
const RUN = '1';

let database: Awaited<ReturnType<typeof openDatabase>>;

beforeAll(async () => {
  database = await openDatabase();
});
afterAll(() => database.drop());

/** A job as its owner and its luck will have it. */
interface Story {
  jobId: string;
  amount: number;
  /** 0 when it fails or is cancelled. */
  used: number;
  held: boolean;
}

function tell(random: SeededRandom): Story {
  const amount = 1 + random.below(5);
  return {
    jobId: newId(),
    amount,
    used: random.chance(0.6) ? 1 + random.below(amount) : 0,
    held: false,
  };
}

/** What the workflow of a job does, each step until it has its answer. */
async function live(story: Story, accountId: string, { credits, ledger }: Money): Promise<void> {
  const charge = { accountId, jobId: story.jobId, run: RUN };
  const refusal = await refusalOf(insist(() => credits.hold({ ...charge, amount: story.amount })));
  story.held = refusal === null;
  // A late repeat of the cancel may have come before the hold.
  if (refusal !== null) expect(['INSUFFICIENT_CREDITS', 'WRONG_STATE']).toContain(refusal);
  const used = story.held ? story.used : 0;
  expect(await refusalOf(insist(() => credits.settle({ ...charge, used })))).toBeNull();
  await insist(() => ledger.drain(accountId));
}

/** Attempts that a stalled worker makes at some other time, before or after the ones that count. */
function strays(story: Story, accountId: string, random: SeededRandom, open: () => Money) {
  const charge = { accountId, jobId: story.jobId, run: RUN };
  const hold = () => open().credits.hold({ ...charge, amount: story.amount });
  // Only a workflow that holds credits ever captures, so a stray capture follows a hold of its own.
  const settle = () => open().credits.settle({ ...charge, used: story.used });
  const all = story.used === 0 ? [hold, settle] : [hold];
  return all.filter(() => random.chance(0.7)).map((attempt) => () => refusalOf(attempt()));
}

/** One round; everything in it follows from the seed. */
async function round(seed: number): Promise<{ faults: number; entries: number; captures: number }> {
  const random = seededRandom(seed);
  const { turn, run } = createInterleaving(random);
  let faults = 0;
  const fault = (): Fault => {
    if (!random.chance(0.2)) return null;
    faults += 1;
    return random.pick(['before', 'after', 'unconfirmed']);
  };
  // Each has a process of its own: nothing is shared but the database.
  const open = () => openMoney(database.collections, { turn, fault });
  const granted = 8 + random.below(8);
  const accountId = await anAccount(database.collections, granted);
  const topUp = { accountId, kind: 'grant' as const, run: newId(), amount: 1 + random.below(6) };
  const stories = Array.from({ length: JOBS }, () => tell(random));
  await run([
    ...stories.map((story) => () => live(story, accountId, open())),
    ...stories.flatMap((story) => strays(story, accountId, random, open)),
    () => insist(() => open().credits.grant(topUp)),
    () => insist(() => open().credits.grant(topUp)),
    () => insist(() => open().ledger.drain(accountId)),
  ]);

  const sound = openMoney(database.collections);
  await sound.ledger.drain(accountId);
  const { available, held, holds } = await sound.credits.get(accountId);
  const { entries, ...sum } = await sumOfLedger(database.collections, accountId);
  const captures = entries.filter(({ kind }) => kind === 'capture');
  const paid = stories.filter(({ held: accepted, used }) => accepted && used > 0);
  expect(sum).toEqual({ available, held });
  expect(entries.every(({ balance }) => balance.available >= 0 && balance.held >= 0)).toBe(true);
  expect(captures.map(({ subject }) => subject).sort()).toEqual(paid.map(({ jobId }) => jobId).sort());
  expect(held).toBe(0);
  expect(Object.values(holds).flatMap((runs) => Object.values(runs).map(({ state }) => state))).not.toContain(
    'held',
  );
  const spent = paid.reduce((total, { used }) => total + used, 0);
  expect(available).toBe(granted + topUp.amount - spent);
  return { faults, entries: entries.length, captures: captures.length };
}

describe('credits under faults', () => {
  it('stay right in any order of hold, capture, release, cancel and late repeats', async () => {
    const seed = seedOf();
    const totals = { faults: 0, entries: 0, captures: 0 };
    for (let i = 0; i < ROUNDS; i += 1) {
      const { faults, entries, captures } = await round(seed + i).catch((error: unknown) => {
        throw new Error(`round ${i} of seed ${seed} (KILN_TEST_SEED=${seed + i})`, { cause: error });
      });
      totals.faults += faults;
      totals.entries += entries;
      totals.captures += captures;
    }
    const { differences } = await openMoney(database.collections).reconcile();
    console.log(
      `seed ${seed}: ${ROUNDS} rounds, ${JSON.stringify(totals)}, ${differences.length} differences`,
    );
    expect(differences).toEqual([]);
    expect(totals.faults).toBeGreaterThan(ROUNDS);
    expect(totals.captures).toBeGreaterThan(ROUNDS);
  }, 120_000);

  it('come to the same whichever single write is lost, done without an answer, or not confirmed', async () => {
    const faultless = await story(() => null);
    for (const side of ['before', 'after', 'unconfirmed'] as const) {
      for (let at = 0; at < faultless.writes; at += 1) {
        let write = -1;
        const struck = await story(() => {
          write += 1;
          return write === at ? side : null;
        });
        expect(struck.writes, `${side} write ${at}`).toBeGreaterThan(at);
        expect(struck.entries, `${side} write ${at}`).toEqual(faultless.entries);
      }
    }
    console.log(`${faultless.writes} writes, each lost, unanswered and unconfirmed`);
  });
});

/** A grant, a paid job, a failed one and a cancelled one, with a drain after each step. */
async function story(fault: () => Fault) {
  const accountId = await anAccount(database.collections, 0);
  let writes = 0;
  const { credits, ledger } = openMoney(database.collections, {
    fault: () => {
      writes += 1;
      return fault();
    },
  });
  const jobs = ['paid', 'failed', 'cancelled'].map((name) => ({ accountId, jobId: name, run: newId() }));
  const [paid, failed, cancelled] = jobs as [Charge, Charge, Charge];
  const steps = [
    () => credits.grant({ accountId, kind: 'monthly', run: '2026-11', amount: 10 }),
    () => credits.hold({ ...paid, amount: 5 }),
    () => credits.hold({ ...failed, amount: 5 }),
    () => credits.settle({ ...cancelled, used: 0 }),
    () => credits.settle({ ...paid, used: 3 }),
    () => credits.settle({ ...failed, used: 0 }),
  ];
  for (const step of steps) {
    await insist(step);
    await insist(() => ledger.drain(accountId));
  }
  await insist(() => ledger.drain(accountId));
  const { entries } = await sumOfLedger(database.collections, accountId);
  const summaries = entries
    .toSorted((left, right) => left.seq - right.seq)
    .map(({ seq, kind, change, balance }) => ({ seq, kind, change, balance }));
  return { writes, entries: summaries };
}

interface Charge {
  accountId: string;
  jobId: string;
  run: string;
}
