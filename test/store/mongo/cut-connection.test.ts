import type { MongoBulkWriteError } from 'mongodb';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { newId } from '../../../src/domain/id.ts';
import { type Collections, connectMongo, type Mongo } from '../../../src/store/mongo/mongo.ts';
import { openDatabase } from '../../support/database.ts';
import { faultyCollections } from '../../support/faulty-collections.ts';
import { anAccount, insist, openMoney, refusalOf, sumOfLedger } from '../../support/money.ts';
import { type Cut, createCuttingProxy, type PassingCommand } from '../../support/servers/cutting-proxy.ts';

let database: Awaited<ReturnType<typeof openDatabase>>;
let proxy: Awaited<ReturnType<typeof createCuttingProxy>>;
let behind: Mongo;
let cut: (command: PassingCommand) => Cut;

/** Two connections to one database: one to look at it, one that is cut when a test says so. */
beforeAll(async () => {
  cut = () => null;
  database = await openDatabase();
  proxy = await createCuttingProxy(inject('mongoUri'), (command) => cut(command));
  behind = await connectMongo(proxy.uri, database.db.databaseName);
});
beforeEach(() => {
  cut = () => null;
});
afterAll(async () => {
  await behind.close();
  await proxy.close();
  await database.drop();
});

/** An account whose grant and hold stand in the account and not yet in the ledger. */
async function anAccountWithPending(): Promise<string> {
  const accountId = await anAccount(database.collections, 10);
  const { credits } = openMoney(database.collections);
  await credits.hold({ accountId, jobId: newId(), run: '1', amount: 4 });
  return accountId;
}

describe('a drain whose connection is cut', () => {
  it.each([
    ['insert', 'request'],
    ['insert', 'answer'],
    ['find', 'answer'],
    ['update', 'request'],
    ['update', 'answer'],
  ] as const)('at every %s, its %s lost, keeps every entry', async (name, side) => {
    const accountId = await anAccountWithPending();
    const bad = openMoney(behind.collections);
    let cuts = 0;
    cut = (command) => {
      const isMeant = command.name === name && ['accounts', 'ledger'].includes(command.collection);
      if (isMeant) cuts += 1;
      return isMeant ? side : null;
    };
    expect(await refusalOf(bad.ledger.drain(accountId))).toBe('UNAVAILABLE');
    expect(cuts).toBeGreaterThan(0);
    cut = () => null;
    await insist(() => bad.ledger.drain(accountId));
    const { entries, ...sum } = await sumOfLedger(database.collections, accountId);
    expect(entries.map(({ seq }) => seq).sort()).toEqual([1, 2]);
    const { available, held, pendingEntries } = await bad.credits.get(accountId);
    expect(pendingEntries).toEqual([]);
    expect(sum).toEqual({ available, held });
    const { differences } = await openMoney(database.collections).reconcile();
    expect(differences.filter((difference) => difference.accountId === accountId)).toEqual([]);
  });
});

/** What can be told of an error without its text. */
function formOf(error: unknown): object {
  const { name, writeErrors, errorResponse, result, code } = error as Partial<MongoBulkWriteError>;
  const unconfirmed = result?.getWriteConcernError();
  return { name, writeErrors, code, unconfirmed, within: errorResponse && formOf(errorResponse) };
}

it.each([
  'insertOne',
  'insertMany',
  'bulkWrite',
  'updateOne',
  'updateMany',
  'findOneAndUpdate',
  'deleteOne',
  'deleteMany',
] as const)('the injector of the other tests throws what the driver throws of %s', async (name) => {
  cut = ({ collection }) => (collection === 'windows' ? 'request' : null);
  const thrownBy = ({ windows }: Pick<Collections, 'windows'>): Promise<unknown> => {
    const document = { _id: newId(), seq: 0, size: 0, hits: [], day: '', dayCount: 0 };
    const filter = { _id: document._id };
    const update = { $set: { seq: 1 } };
    const calls = {
      insertOne: () => windows.insertOne(document),
      insertMany: () => windows.insertMany([document]),
      bulkWrite: () => windows.bulkWrite([{ insertOne: { document } }]),
      updateOne: () => windows.updateOne(filter, update),
      updateMany: () => windows.updateMany(filter, update),
      findOneAndUpdate: () => windows.findOneAndUpdate(filter, update),
      deleteOne: () => windows.deleteOne(filter),
      deleteMany: () => windows.deleteMany(filter),
    };
    return calls[name]().catch((error: unknown) => error);
  };
  const injected = faultyCollections(database.collections, { fault: () => 'before' });
  expect(formOf(await thrownBy(injected))).toEqual(formOf(await thrownBy(behind.collections)));
});
