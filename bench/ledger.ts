import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CHARGE_RUN } from '../src/domain/credits/credits.ts';
import { newId } from '../src/domain/id.ts';
import { createReconcile } from '../src/operations/credits/reconcile.ts';
import { createCreditRepository } from '../src/store/credits.ts';
import { createLedgerRepository } from '../src/store/ledger.ts';
import { type Collections, connectMongo, type Mongo } from '../src/store/mongo/mongo.ts';
import type { Bench } from './bench.ts';
import { measureRate } from './statistics.ts';

const IN_FLIGHT = 16;
const CELL_MS = 6000;
const WARM_UP_MS = 2000;
/** A charge is a hold and a capture. */
const ENTRIES_PER_CHARGE = 2;

/** Measures what it costs to charge for a job so that nothing is lost or doubled. */
export const bench: Bench = {
  name: 'ledger',
  about: `ledger operations per second: hold, capture, and both in the ledger; ${IN_FLIGHT} in flight, on the service's own database`,

  async run({ folder }) {
    const { mongoUri } = JSON.parse(await readFile(join(folder, 'data', 'run.json'), 'utf8'));
    const mongo = await connectMongo(mongoUri, 'ledger-bench');
    const { collections } = mongo;
    const credits = createCreditRepository(collections);
    const ledger = createLedgerRepository(collections);
    const charge = async (accountId: string) => {
      const one = { accountId, jobId: newId(), run: CHARGE_RUN };
      await credits.hold({ ...one, amount: 1 });
      await credits.settle({ ...one, used: 1 });
      await ledger.drain(accountId);
    };
    const among = (accounts: readonly string[]) => {
      let turn = 0;
      return () => {
        turn += 1;
        return charge(accounts[turn % accounts.length] ?? '');
      };
    };
    const many = await accountsWith(collections, credits, IN_FLIGHT);
    const single = await accountsWith(collections, credits, 1);
    await measureRate(IN_FLIGHT, WARM_UP_MS, among(await accountsWith(collections, credits, IN_FLIGHT)));
    const bare = { what: 'bare conditional updates', figure: await bareRate(mongo.db) };
    const spread = await measureRate(IN_FLIGHT, CELL_MS, among(many));
    const crowded = await measureRate(IN_FLIGHT, CELL_MS, among(single));
    const { entries, differences } = await createReconcile({ credits, ledger })();
    await mongo.db.dropDatabase();
    await mongo.close();
    const unit = 'entries/s';
    return [
      { what: `on ${IN_FLIGHT} accounts`, figure: spread.rate * ENTRIES_PER_CHARGE, unit, bare },
      { what: 'all on one account', figure: crowded.rate * ENTRIES_PER_CHARGE, unit, bare },
      {
        what: 'differences after it',
        figure: differences.length,
        unit: '',
        target: { atMost: 0 },
        note: `${entries} entries reconciled`,
      },
    ];
  },
};

async function accountsWith(
  { accounts }: Collections,
  credits: ReturnType<typeof createCreditRepository>,
  count: number,
): Promise<string[]> {
  const ids = Array.from({ length: count }, newId);
  for (const accountId of ids) {
    await accounts.insertOne({ _id: accountId, name: 'Bench', plan: 'pro', createdAt: new Date() });
    await credits.grant({ accountId, kind: 'grant', run: newId(), amount: 1_000_000 });
  }
  return ids;
}

/** Measures the same condition and arithmetic on a document of two fields, without holds, entries or a ledger. */
async function bareRate(db: Mongo['db']): Promise<number> {
  const counters = db.collection<{ _id: string; available: number }>('counters');
  const ids = Array.from({ length: IN_FLIGHT }, newId);
  await counters.insertMany(ids.map((_id) => ({ _id, available: 1_000_000 })));
  let turn = 0;
  const { rate } = await measureRate(IN_FLIGHT, CELL_MS / 2, () => {
    turn += 1;
    const _id = ids[turn % ids.length] ?? '';
    return counters.updateOne({ _id, available: { $gte: 1 } }, { $inc: { available: -1 } });
  });
  return rate;
}
