import { KilnError } from '../../src/domain/errors.ts';
import { newId } from '../../src/domain/id.ts';
import { createReconcile } from '../../src/operations/credits/reconcile.ts';
import { createCreditRepository } from '../../src/store/credits.ts';
import { createLedgerRepository } from '../../src/store/ledger.ts';
import type { Collections } from '../../src/store/mongo/mongo.ts';
import { faultyCollections, type Interference } from './faulty-collections.ts';

export type Money = ReturnType<typeof openMoney>;

/** Credits and ledger as one process has them, over a connection that may be a bad one. */
export function openMoney(collections: Collections, interference: Interference = {}) {
  const faulty = faultyCollections(collections, interference);
  const credits = createCreditRepository(faulty);
  const ledger = createLedgerRepository(faulty);
  return { credits, ledger, reconcile: createReconcile({ credits, ledger }) };
}

/** An account with this much to spend. */
export async function anAccount({ accounts, ...rest }: Collections, amount: number): Promise<string> {
  const accountId = newId();
  await accounts.insertOne({ _id: accountId, name: 'Payer', plan: 'pro', createdAt: new Date() });
  const { credits } = openMoney({ accounts, ...rest });
  if (amount > 0) await credits.grant({ accountId, kind: 'grant', run: 'first', amount });
  return accountId;
}

/** No injected fault strikes so often; a database that was closed under a test that ran out of time does. */
const MOST_TRIES = 100;

/** Tries again while the database does not answer, as Temporal does for an activity. */
export async function insist<T>(work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      const isAway = error instanceof KilnError && error.code === 'UNAVAILABLE';
      if (!isAway || tries === MOST_TRIES) throw error;
    }
  }
}

/** The code of a refusal, or nothing when there was none. */
export async function refusalOf(work: Promise<unknown>): Promise<string | null> {
  try {
    await work;
    return null;
  } catch (error) {
    if (error instanceof KilnError) return error.code;
    throw error;
  }
}

/** The ledger added up by hand, beside what the account says. */
export async function sumOfLedger({ ledger }: Collections, accountId: string) {
  const entries = await ledger.find({ accountId }).toArray();
  const sum = (side: 'available' | 'held') => entries.reduce((total, { change }) => total + change[side], 0);
  return { available: sum('available'), held: sum('held'), entries };
}
