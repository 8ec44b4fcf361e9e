import { type Collection, MongoBulkWriteError, MongoNetworkError, MongoWriteConcernError } from 'mongodb';
import type { Collections } from '../../src/store/mongo/mongo.ts';

const READS = ['findOne', 'countDocuments', 'distinct'];
const CURSORS = ['find', 'aggregate'];
/** The driver wraps every error of theirs. */
const BULK_WRITES = ['insertMany', 'bulkWrite'];
const WRITES = [
  ...BULK_WRITES,
  'insertOne',
  'updateOne',
  'updateMany',
  'findOneAndUpdate',
  'replaceOne',
  'deleteOne',
  'deleteMany',
];
/** A cursor asks the server anew after so many documents. */
const BATCH = 101;
/** No majority confirmed a write in time. */
const UNCONFIRMED = {
  code: 64,
  codeName: 'WriteConcernTimeout',
  errmsg: 'waiting for replication timed out',
};

/** The write is lost; it is done while its answer is lost; it is done and not confirmed. */
export type Fault = 'before' | 'after' | 'unconfirmed' | null;

/** What happens around one call to the database. */
export interface Interference {
  /** Settles when the call may go out. */
  turn?(): Promise<void>;
  /** What happens to this write. */
  fault?(): Fault;
  /** Whether this read stays without an answer. */
  unread?(): boolean;
}

/**
 * The same collections over a connection that holds calls up, loses them or loses their answers. What is
 * thrown has the form that the driver gives it: test/store/mongo/cut-connection.test.ts compares the two.
 */
export function faultyCollections<T extends Partial<Collections>>(real: T, interference: Interference): T {
  const faulted = Object.entries<unknown>(real).map(([name, collection]) => [
    name,
    faulty(collection as Collection, interference),
  ]);
  return Object.fromEntries(faulted) as T;
}

function faulty(collection: Collection, { turn, fault, unread }: Interference) {
  async function read<R>(run: () => R): Promise<R> {
    await turn?.();
    if (unread?.()) throw new MongoNetworkError('the call was lost');
    return run();
  }

  async function write(name: string, run: () => unknown): Promise<unknown> {
    await turn?.();
    const struck = fault?.();
    if (struck === 'before') throw lost(name, 'the call was lost');
    const result = await run();
    if (struck === 'after') throw lost(name, 'the answer was lost');
    if (struck === 'unconfirmed') throw unconfirmed(name);
    return result;
  }

  /** Asks when its documents are wanted, and again from batch to batch. */
  function disturbed<C extends ReturnType<Collection['find'] | Collection['aggregate']>>(cursor: C): C {
    const documents = cursor[Symbol.asyncIterator].bind(cursor);
    async function* inBatches() {
      let count = 0;
      await read(() => {});
      for await (const document of documents()) {
        yield document;
        count += 1;
        if (count % BATCH === 0) await read(() => {});
      }
    }
    async function toArray() {
      const all: unknown[] = [];
      for await (const document of inBatches()) all.push(document);
      return all;
    }
    return Object.assign(cursor, { toArray, [Symbol.asyncIterator]: inBatches });
  }

  return new Proxy(collection, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== 'function') return member;
      const name = String(property);
      if (WRITES.includes(name)) return (...args: unknown[]) => write(name, () => member.apply(target, args));
      if (READS.includes(name)) return (...args: unknown[]) => read(() => member.apply(target, args));
      if (CURSORS.includes(name)) return (...args: unknown[]) => disturbed(member.apply(target, args));
      return member.bind(target);
    },
  });
}

/** An error of the network, as it leaves the method with this name after the driver's own retry. */
function lost(name: string, message: string): Error {
  const error = new MongoNetworkError(message);
  for (const label of ['RetryableWriteError', 'ResetPool']) error.addErrorLabel(label);
  return BULK_WRITES.includes(name) ? new MongoBulkWriteError(error, bulkResult()) : error;
}

function unconfirmed(name: string): Error {
  const { code, errmsg } = UNCONFIRMED;
  return BULK_WRITES.includes(name)
    ? new MongoBulkWriteError({ message: errmsg, code }, bulkResult(UNCONFIRMED))
    : new MongoWriteConcernError({ ok: 1, writeConcernError: UNCONFIRMED });
}

/** Of a bulk write that told of nothing done; the driver keeps the class to itself. */
function bulkResult(writeConcernError?: typeof UNCONFIRMED) {
  const result = { insertedCount: 0, matchedCount: 0, getWriteConcernError: () => writeConcernError };
  return result as unknown as MongoBulkWriteError['result'];
}
