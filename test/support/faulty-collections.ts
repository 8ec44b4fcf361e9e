import { type Collection, MongoNetworkError } from 'mongodb';
import type { Collections } from '../../src/store/mongo.ts';

const READS = ['findOne'];
const WRITES = ['updateOne', 'insertOne', 'insertMany', 'findOneAndUpdate', 'deleteOne'];

export type Fault = 'before' | 'after' | null;

/** What happens around one call to the database. */
export interface Interference {
  /** Settles when the call may go out. */
  turn?(): Promise<void>;
  /** Whether this write is lost, or done while its answer is lost. */
  fault?(): Fault;
  /** Whether this read stays without an answer. */
  unread?(): boolean;
}

/** The same collections over a connection that holds calls up, loses them or loses their answers. */
export function faultyCollections<T extends Partial<Collections>>(real: T, interference: Interference): T {
  const faulted = Object.entries<unknown>(real).map(([name, collection]) => [
    name,
    faulty(collection as Collection, interference),
  ]);
  return Object.fromEntries(faulted) as T;
}

function faulty(collection: Collection, { turn, fault, unread }: Interference) {
  async function call(isWrite: boolean, run: () => unknown): Promise<unknown> {
    await turn?.();
    const struck = isWrite ? fault?.() : unread?.() && 'before';
    if (struck === 'before') throw new MongoNetworkError('the call was lost');
    const result = await run();
    if (struck === 'after') throw new MongoNetworkError('the answer was lost');
    return result;
  }

  /** A cursor asks when its documents are wanted. */
  function find(...args: Parameters<typeof collection.find>) {
    const cursor = collection.find(...args);
    const toArray = cursor.toArray.bind(cursor);
    return Object.assign(cursor, { toArray: () => call(false, toArray) });
  }

  return new Proxy(collection, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== 'function') return member;
      const name = String(property);
      if (name === 'find') return find;
      const isWrite = WRITES.includes(name);
      if (!isWrite && !READS.includes(name)) return member.bind(target);
      return (...args: unknown[]) => call(isWrite, () => member.apply(target, args));
    },
  });
}
