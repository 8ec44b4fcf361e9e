import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Collection,
  type Db,
  type Filter,
  MongoClient,
  MongoNetworkError,
  type UpdateFilter,
} from 'mongodb';
import type { Account, ApiKey } from '../../domain/access/account.ts';
import type { AccountPlan } from '../../domain/access/account-plan.ts';
import type { MasterKeyRecord } from '../../domain/access/master-key.ts';
import type { RateWindow } from '../../domain/access/rate-window.ts';
import type { Batch } from '../../domain/batches/batch.ts';
import type { LedgerEntry } from '../../domain/credits/credits.ts';
import type { StoredFile, Upload } from '../../domain/files/file.ts';
import type { Admission, Waiter } from '../../domain/jobs/admission.ts';
import type { IdempotencyRecord } from '../../domain/jobs/idempotency.ts';
import type { Job } from '../../domain/jobs/job.ts';
import type { Delivery } from '../../domain/webhooks/delivery.ts';
import type { Endpoint } from '../../domain/webhooks/endpoint.ts';
import { explainDriverError, hasOnlyDuplicateKeys, isDuplicateKey } from './driver-errors.ts';
import { ensureIndexes } from './indexes.ts';
import { trackAnswers, withSilenceTimeout } from './silence.ts';

/** An endpoint takes one of the places that its account has: their number bounds that of endpoints. */
export interface SlottedEndpoint extends Endpoint {
  /** `<account>:<place>`. */
  slot: string;
}

export interface Collections {
  accounts: Collection<Account>;
  keys: Collection<ApiKey>;
  plans: Collection<AccountPlan>;
  windows: Collection<RateWindow>;
  admissions: Collection<Admission>;
  idempotency: Collection<IdempotencyRecord>;
  waiters: Collection<Waiter>;
  files: Collection<StoredFile>;
  uploads: Collection<Upload>;
  jobs: Collection<Job>;
  batches: Collection<Batch>;
  deliveries: Collection<Delivery>;
  endpoints: Collection<SlottedEndpoint>;
  ledger: Collection<LedgerEntry>;
  masterKeys: Collection<MasterKeyRecord>;
}

export interface Mongo {
  collections: Collections;
  db: Db;
  /** Rejects when the server does not answer. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** How long a call waits for a reachable server before it counts as unavailable. */
const SERVER_SELECTION_MS = 5000;
/** A majority that has not confirmed by then is away: the caller hears of it instead of waiting for ever. */
const MAJORITY_MS = 10_000;
/** How long a look at the server may take; connections to one that does not answer are given up. */
const LOOK_MS = 5000;
const OPEN_TRIES = 3;
const OPEN_PAUSE_MS = 300;
/** As many documents as an embedded server changes in a moment: it serves nobody else meanwhile. */
const PORTION = 500;

/** Connects and makes sure of the indexes. `database` defaults to the one named in the URI, or `kiln`. */
export async function connectMongo(uri: string, database?: string): Promise<Mongo> {
  const client = new MongoClient(uri, {
    serverSelectionTimeoutMS: SERVER_SELECTION_MS,
    connectTimeoutMS: LOOK_MS,
    writeConcern: { w: 'majority', journal: true, wtimeoutMS: MAJORITY_MS },
    ignoreUndefined: true,
  });
  trackAnswers(client);
  const db = client.db(database ?? databaseOf(uri) ?? 'kiln');
  const collections: Collections = {
    accounts: db.collection('accounts'),
    keys: db.collection('keys'),
    plans: db.collection('plans'),
    windows: db.collection('windows'),
    admissions: db.collection('admissions'),
    idempotency: db.collection('idempotency'),
    waiters: db.collection('waiters'),
    files: db.collection('files'),
    uploads: db.collection('uploads'),
    jobs: db.collection('jobs'),
    batches: db.collection('batches'),
    deliveries: db.collection('deliveries'),
    endpoints: db.collection('endpoints'),
    ledger: db.collection('ledger'),
    masterKeys: db.collection('masterKeys'),
  };
  try {
    await open(client, collections);
  } catch (error) {
    await client.close();
    throw error;
  }
  return {
    collections,
    db,
    ping: async () => void (await db.command({ ping: 1 })),
    close: () => client.close(),
  };
}

/** A server that has just come up may drop a connection; what is made here may be made again. */
async function open(client: MongoClient, collections: Collections): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await client.connect();
      await ensureIndexes(collections);
      return;
    } catch (error) {
      if (!(error instanceof MongoNetworkError) || tries === OPEN_TRIES) throw error;
      await sleep(OPEN_PAUSE_MS);
    }
  }
}

/** The driver itself takes "test" for a string without a database. */
function databaseOf(uri: string): string | undefined {
  return /^mongodb(?:\+srv)?:\/\/[^/]+\/([^?]+)/.exec(uri)?.[1];
}

/**
 * Inserts unless a document with this `_id` is there already; a repeat counts as done.
 * @returns whether it was this call that did it.
 */
export async function insertIfAbsent<T extends { _id: string }>(
  collection: Collection<T>,
  document: T,
): Promise<boolean> {
  const filter = { _id: document._id } as Filter<T>;
  for (let tries = 1; ; tries += 1) {
    try {
      await collection.insertOne(document as Parameters<Collection<T>['insertOne']>[0]);
      return true;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      if (await collection.findOne(filter, { projection: { _id: 1 } })) return false;
      // It was removed meanwhile; or it is another document, with a value that no two may share.
      if (tries > 1) throw error;
    }
  }
}

/** Inserts those of these documents that are not there yet. May be repeated. */
export async function insertMissing<T extends { _id: string }>(
  collection: Collection<T>,
  documents: readonly T[],
): Promise<void> {
  if (documents.length === 0) return;
  type Many = Parameters<Collection<T>['insertMany']>[0];
  await collection
    .insertMany([...documents] as unknown as Many, { ordered: false })
    .catch((error: unknown) => {
      if (!hasOnlyDuplicateKeys(error)) throw error;
    });
}

/**
 * Updates every document that matches, 500 in one call. The update must take each of them out of the filter;
 * one that matches anew later is left to the next time. May be repeated.
 */
export async function updateInPortions<T extends { _id: string }>(
  collection: Collection<T>,
  filter: Filter<T>,
  update: UpdateFilter<T>,
): Promise<void> {
  for (;;) {
    const found = await collection.find(filter, { projection: { _id: 1 }, limit: PORTION }).toArray();
    if (found.length === 0) return;
    const these = { ...filter, _id: { $in: found.map(({ _id }) => _id) } } as Filter<T>;
    await collection.updateMany(these, update);
    if (found.length < PORTION) return;
  }
}

/**
 * Wraps each method of a repository so that an error of the driver surfaces as UNAVAILABLE, which may be
 * tried again, or as INTERNAL, which may not, and never as itself.
 */
export function translateErrors<T extends object>(repository: T): T {
  return new Proxy(repository, {
    get(target, property, receiver) {
      const member: unknown = Reflect.get(target, property, receiver);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => {
        const result: unknown = member.apply(target, args);
        if (result instanceof Promise) return withSilenceTimeout(result).catch(rethrowTranslated);
        return isAsyncIterable(result) ? translated(result) : result;
      };
    },
  });
}

async function* translated(documents: AsyncIterable<unknown>): AsyncGenerator<unknown> {
  try {
    yield* documents;
  } catch (error) {
    rethrowTranslated(error);
  }
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

function rethrowTranslated(error: unknown): never {
  throw explainDriverError(error);
}
