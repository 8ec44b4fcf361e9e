import { KilnError } from '../domain/errors.ts';

/** Lends out a fixed set of items, each to one caller at a time, first come, first served. */
interface Pool<T> {
  readonly closed: boolean;
  /** Waits for a free item. @throws KilnError CANCELLED when aborted, UNAVAILABLE when the pool is closed */
  acquire(signal: AbortSignal): Promise<T>;
  release(item: T): void;
  /** Makes every waiting and further `acquire` throw. */
  close(): void;
}

/** Creates a pool in which all items are free. */
export function createPool<T>(items: readonly T[]): Pool<T> {
  const idle = [...items];
  const waiting: PromiseWithResolvers<T>[] = [];
  let closed = false;

  function wait(signal: AbortSignal): Promise<T> {
    const request = Promise.withResolvers<T>();
    const leave = () => {
      const at = waiting.indexOf(request);
      if (at >= 0) waiting.splice(at, 1);
      request.reject(cancelled(signal));
    };
    waiting.push(request);
    signal.addEventListener('abort', leave, { once: true });
    return request.promise.finally(() => signal.removeEventListener('abort', leave));
  }

  return {
    get closed() {
      return closed;
    },
    async acquire(signal) {
      if (closed) throw closing();
      if (signal.aborted) throw cancelled(signal);
      return idle.shift() ?? wait(signal);
    },
    release(item) {
      const next = waiting.shift();
      if (next) next.resolve(item);
      else idle.push(item);
    },
    close() {
      closed = true;
      for (const { reject } of waiting.splice(0)) reject(closing());
    },
  };
}

function cancelled(signal: AbortSignal): KilnError {
  return new KilnError('CANCELLED', 'The conversion was cancelled.', { cause: signal.reason });
}

/** Returns the error of a closed pool. */
export function closing(): KilnError {
  return new KilnError('UNAVAILABLE', 'The service is shutting down.');
}
