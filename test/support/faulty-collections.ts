import { type Collection, MongoNetworkError } from 'mongodb';
import type { Collections } from '../../src/store/mongo.ts';

const READS = ['findOne'];
const WRITES = ['updateOne', 'insertOne', 'insertMany'];

export type Fault = 'before' | 'after' | null;

/** What happens around one call to the database. */
export interface Interference {
  /** Settles when the call may go out. */
  turn?(): Promise<void>;
  /** Whether this write is lost, or done while its answer is lost. */
  fault?(): Fault;
}

type Money = Pick<Collections, 'accounts' | 'ledger'>;

/** The same collections over a connection that holds calls up, loses them or loses their answers. */
export function faultyCollections(real: Money, interference: Interference): Money {
  return {
    accounts: faulty(real.accounts, interference),
    ledger: faulty(real.ledger, interference),
  };
}

function faulty<T extends object>(collection: Collection<T>, { turn, fault }: Interference): Collection<T> {
  return new Proxy(collection, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== 'function') return member;
      const name = String(property);
      if (!READS.includes(name) && !WRITES.includes(name)) return member.bind(target);
      return async (...args: unknown[]) => {
        await turn?.();
        const struck = WRITES.includes(name) ? fault?.() : null;
        if (struck === 'before') throw new MongoNetworkError('the call was lost');
        const result: unknown = await member.apply(target, args);
        if (struck === 'after') throw new MongoNetworkError('the answer was lost');
        return result;
      };
    },
  });
}
