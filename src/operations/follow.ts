import type { Changes, Versioned } from '../store/mongo/changes.ts';

export interface FollowPorts<T extends Versioned> {
  changes: Pick<Changes<T>, 'subscribe'>;
  read(): Promise<T>;
}

/** How long a watcher trusts silence before it looks for itself. */
const QUIET_MS = 10_000;

/**
 * Yields a document as it is, then each time that it has changed, until `signal` aborts or the reader
 * has enough. Every document is one that the database returned: to this process's own write, or to `read`.
 * @param first reads it the first time, and may refuse to.
 */
export async function* follow<T extends Versioned>(
  { changes, read }: FollowPorts<T>,
  { id, first, signal }: { id: string; first(): Promise<T>; signal?: AbortSignal | undefined },
): AsyncGenerator<T> {
  const latest = createLatest<T>(signal);
  const unsubscribe = changes.subscribe(id, latest.notify);
  try {
    let document = await first();
    while (!signal?.aborted) {
      yield document;
      await latest.wait(QUIET_MS);
      if (!signal?.aborted) document = latest.consume() ?? (await read());
    }
  } finally {
    unsubscribe();
    latest.dispose();
  }
}

/** The latest change that nobody has looked at yet; an abort counts as one. */
function createLatest<T extends Versioned>(signal?: AbortSignal) {
  let hasChanged = false;
  let latest: T | undefined;
  let wake: (() => void) | undefined;
  function notify(document?: T) {
    // Without a document somebody else wrote: the one that was kept may be old.
    latest = document && (!hasChanged || (latest && latest.seq < document.seq)) ? document : undefined;
    hasChanged = true;
    wake?.();
  }
  const onAbort = () => notify();
  signal?.addEventListener('abort', onAbort);
  return {
    notify,
    /** Returns the document of the latest change, undefined when it has to be read, and forgets the change. */
    consume(): T | undefined {
      const document = latest;
      hasChanged = false;
      latest = undefined;
      return document;
    },
    /** Resolves when something has changed since `consume`, or after `timeoutMs`. */
    async wait(timeoutMs: number): Promise<void> {
      if (hasChanged) return;
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
