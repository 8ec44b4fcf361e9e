import type { Changes, Versioned } from '../store/mongo/changes.ts';

export interface FollowPorts<T extends Versioned> {
  changes: Pick<Changes<T>, 'subscribe'>;
  read(): Promise<T>;
}

/** How long a watcher trusts silence before it looks for itself. */
const QUIET_MS = 10_000;

/**
 * Yields a document as it is, then each time that it has changed, until `signal` aborts or the reader
 * has enough. What is told is what the database answered: to this process's own write, or when asked.
 * @param first reads it the first time, and may refuse to.
 */
export async function* follow<T extends Versioned>(
  { changes, read }: FollowPorts<T>,
  { id, first, signal }: { id: string; first(): Promise<T>; signal?: AbortSignal | undefined },
): AsyncGenerator<T> {
  const bell = createBell<T>(signal);
  const unsubscribe = changes.subscribe(id, bell.ring);
  try {
    let document = await first();
    while (!signal?.aborted) {
      yield document;
      await bell.wait(QUIET_MS);
      if (!signal?.aborted) document = bell.take() ?? (await read());
    }
  } finally {
    unsubscribe();
    bell.dispose();
  }
}

/** A doorbell that remembers a ring until somebody listens; an abort rings as well. */
function createBell<T extends Versioned>(signal?: AbortSignal) {
  let rung = false;
  let brought: T | undefined;
  let wake: (() => void) | undefined;
  function ring(document?: T) {
    // A ring without a document says that somebody else wrote: what was brought before may be old.
    brought = document && (!rung || (brought && brought.seq < document.seq)) ? document : undefined;
    rung = true;
    wake?.();
  }
  const onAbort = () => ring();
  signal?.addEventListener('abort', onAbort);
  return {
    ring,
    /** What the last ring brought; the bell is quiet afterwards. */
    take(): T | undefined {
      const document = brought;
      rung = false;
      brought = undefined;
      return document;
    },
    async wait(timeoutMs: number): Promise<void> {
      if (rung) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, timeoutMs);
      wake = resolve;
      await promise;
      clearTimeout(timer);
      wake = undefined;
    },
    dispose() {
      signal?.removeEventListener('abort', onAbort);
    },
  };
}
