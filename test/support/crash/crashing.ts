import { AsyncLocalStorage } from 'node:async_hooks';
import type { BlobStore } from '../../../src/blobs/blob-store.ts';
import type { Collections } from '../../../src/store/mongo/mongo.ts';

const COLLECTION_WRITES = /^(?:insert|update|replace|delete|bulkWrite|findOneAnd)/;
const BLOB_WRITES = /^(?:write|adopt|remove)$/;
const EVERY_CALL = /./;

/** What a dead process would have said, if it could. */
class Killed extends Error {
  override readonly name = 'Killed';
}

/** A process, from its beginning to its end. */
interface Life {
  writes: number;
  mostWrites: number;
  dead: boolean;
}

export type Crashing = ReturnType<typeof createCrashing>;

/**
 * Processes that die between two writes. A write is whatever changes something outside: a document, a blob, a
 * workflow. Once a process is dead nothing it calls gets through, not even what it began side by side; calls
 * that belong to no such process are left alone.
 */
export function createCrashing() {
  const lives = new AsyncLocalStorage<Life>();

  function call(isWrite: boolean, run: () => unknown): unknown {
    const life = lives.getStore();
    if (!life) return run();
    if (isWrite && life.writes === life.mostWrites) life.dead = true;
    if (life.dead) return Promise.reject(new Killed('The process was killed.'));
    if (isWrite) life.writes += 1;
    return run();
  }

  /** The same part of the world, as such a process reaches it. */
  function around<T extends object>(part: T, writes: RegExp): T {
    return new Proxy(part, {
      get(target, property) {
        const member: unknown = Reflect.get(target, property, target);
        if (typeof member !== 'function') return member;
        const name = String(property);
        const method = (...args: unknown[]) => member.apply(target, args);
        // A cursor is asked when its documents are wanted.
        if (name === 'find' || name === 'aggregate') return (...args: unknown[]) => cursor(method(...args));
        return (...args: unknown[]) => call(writes.test(name), () => method(...args));
      },
    });
  }

  function cursor<C extends { toArray(): Promise<unknown> }>(found: C): C {
    const toArray = found.toArray.bind(found);
    return Object.assign(found, { toArray: () => call(false, toArray) });
  }

  return {
    collections: <T extends Partial<Collections>>(collections: T): T =>
      Object.fromEntries(
        Object.entries<object>(collections).map(([name, one]) => [name, around(one, COLLECTION_WRITES)]),
      ) as T,
    blobs: (blobs: BlobStore): BlobStore => around(blobs, BLOB_WRITES),
    runner: <T extends object>(runner: T): T => around(runner, EVERY_CALL),

    /** Has a process do this that dies before its next write after so many. @returns whether it died. */
    async dyingAfter(mostWrites: number, work: () => Promise<unknown>): Promise<boolean> {
      const life: Life = { writes: 0, mostWrites, dead: false };
      try {
        await lives.run(life, work);
      } catch (error) {
        // The dead may say whatever they like; the living must not fail.
        if (!life.dead) throw error;
      }
      return life.dead;
    },
  };
}
