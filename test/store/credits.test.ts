import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/domain/id.ts';
import { openDatabase } from '../support/database.ts';
import { anAccount, insist, type Money, openMoney, refusalOf, sumOfLedger } from '../support/money.ts';
import { seededRandom, seedOf } from '../support/seeded-random.ts';
import { timeLimit } from '../support/time-limit.ts';

const RUN = '1';

let database: Awaited<ReturnType<typeof openDatabase>>;
let money: Money;

beforeAll(async () => {
  database = await openDatabase();
  money = openMoney(database.collections);
});
afterAll(() => database.drop());

const balance = async (accountId: string) => {
  const { available, held } = await money.credits.get(accountId);
  return { available, held };
};

/** 1,000 jobs of one credit each, all at once, on an account with 500; then the accepted ones end. */
async function debits(title: string, { credits, ledger }: Money): Promise<void> {
  const accountId = await anAccount(database.collections, 500);
  const latencies: number[] = [];
  const debit = async () => {
    const charge = { accountId, jobId: newId(), run: RUN };
    const began = performance.now();
    const refusal = await refusalOf(insist(() => credits.hold({ ...charge, amount: 1 })));
    latencies.push(performance.now() - began);
    return { charge, refusal };
  };
  const results = await Promise.all(Array.from({ length: 1000 }, debit));
  const accepted = results.filter(({ refusal }) => refusal === null);
  expect(await balance(accountId)).toEqual({ available: 0, held: accepted.length });

  await Promise.all(
    accepted.map(async ({ charge }) => {
      await insist(() => credits.settle({ ...charge, used: 1 }));
      await insist(() => ledger.drain(accountId));
    }),
  );
  const { entries, ...sum } = await sumOfLedger(database.collections, accountId);
  const p99 = latencies.toSorted((a, b) => a - b)[989] ?? 0;
  const { available } = await balance(accountId);
  console.log(
    `${title}: ${accepted.length} of 1000 accepted, balance ${available}, p99 ${p99.toFixed(0)} ms, ${entries.length} entries`,
  );
  expect(accepted).toHaveLength(500);
  expect(results.filter(({ refusal }) => refusal === 'INSUFFICIENT_CREDITS')).toHaveLength(500);
  expect(await balance(accountId)).toEqual({ available: 0, held: 0 });
  expect(sum).toEqual({ available: 0, held: 0 });
  const captured = entries.filter(({ kind }) => kind === 'capture').map(({ subject }) => subject);
  expect(captured.sort()).toEqual(accepted.map(({ charge }) => charge.jobId).sort());
  const { holds, pendingEntries } = await money.credits.get(accountId);
  const states = Object.values(holds).flatMap((runs) => Object.values(runs).map(({ state }) => state));
  expect([new Set(states), pendingEntries]).toEqual([new Set(['captured']), []]);
  expect((await money.reconcile()).differences).toEqual([]);
}

/** A thousand callers at once have to share the machine with whatever else it does. */
const TIME_LIMIT = { timeout: timeLimit(120_000) };

describe('1,000 concurrent debits on credit for 500', TIME_LIMIT, () => {
  it('exactly 500 are accepted', () => debits('debits', money));

  it('also when one write in ten is done while its answer is lost', async () => {
    const seed = seedOf();
    const random = seededRandom(seed);
    let lost = 0;
    const fault = () => {
      if (!random.chance(0.1)) return null;
      lost += 1;
      return 'after' as const;
    };
    await debits(`debits with lost answers (seed ${seed})`, openMoney(database.collections, { fault }));
    console.log(`debits: ${lost} answers were lost`);
    expect(lost).toBeGreaterThan(50);
  });
});
