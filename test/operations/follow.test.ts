import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { follow } from '../../src/operations/follow.ts';
import type { Versioned } from '../../src/store/mongo/changes.ts';

const version = (seq: number): Versioned => ({ _id: 'a', seq, updatedAt: new Date(seq) });
beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A watched document; `ring` is what the database says of it, `stored` what a look would find. */
function watched({ signal }: { signal?: AbortSignal } = {}) {
  let listener: ((document?: Versioned) => void) | undefined;
  const state = { stored: version(1), looks: 0 };
  const changes = {
    subscribe(id: string, ring: typeof listener) {
      expect(id).toBe('a');
      listener = ring;
      return () => {
        listener = undefined;
      };
    },
  };
  const read = async () => {
    state.looks += 1;
    return state.stored;
  };
  const documents = follow({ changes, read }, { id: 'a', first: async () => version(0), signal });
  const next = async () => (await documents.next()).value?.seq;
  return {
    state,
    documents,
    next,
    ring: (document?: Versioned) => listener?.(document),
    heard: () => listener,
  };
}

it('a document is told as it is, then as each change brings it', async () => {
  const { next, ring, state } = watched();
  expect(await next()).toBe(0);
  const second = next();
  await vi.advanceTimersByTimeAsync(0);
  ring(version(5));
  expect(await second).toBe(5);
  expect(state.looks).toBe(0);
});

it('a ring that comes while nobody listens is not lost, and of several the newest counts', async () => {
  const { next, ring, state } = watched();
  await next();
  ring(version(6));
  ring(version(7));
  expect(await next()).toBe(7);
  expect(state.looks).toBe(0);
  ring(version(8));
  ring();
  expect(await next()).toBe(1);
  expect(state.looks).toBe(1);
  ring(version(9));
  ring(version(8));
  expect(await next()).toBe(1);
  expect(state.looks).toBe(2);
});

it('after ten seconds of silence somebody looks', async () => {
  const { next, state } = watched();
  await next();
  const looked = next();
  await vi.advanceTimersByTimeAsync(9999);
  expect(state.looks).toBe(0);
  await vi.advanceTimersByTimeAsync(1);
  expect(await looked).toBe(1);
});

it('an abort ends it at once, and nothing is heard any more', async () => {
  const stop = new AbortController();
  const { next, documents, heard } = watched({ signal: stop.signal });
  await next();
  const last = documents.next();
  await vi.advanceTimersByTimeAsync(0);
  stop.abort();
  expect(await last).toEqual({ value: undefined, done: true });
  expect(heard()).toBeUndefined();
});

it('a reader who has enough is not called any more', async () => {
  const { next, documents, heard } = watched();
  await next();
  expect(heard()).toBeDefined();
  await documents.return(undefined);
  expect(heard()).toBeUndefined();
});
