import { KilnError } from '../domain/errors.ts';

/** Hands out a fixed set of things, one holder each, first come, first served. */
export interface TurnQueue<T> {
  readonly closed: boolean;
  /** Waits for a free one; leaves the queue when aborted. */
  take(signal: AbortSignal): Promise<T>;
  give(item: T): void;
  /** Refuses all who wait and all who come. */
  close(): void;
}

/** Creates a queue in front of the engine processes. */
export function createTurnQueue<T>(items: readonly T[]): TurnQueue<T> {
  const idle = [...items];
  const waiting: PromiseWithResolvers<T>[] = [];
  let closed = false;

  function wait(signal: AbortSignal): Promise<T> {
    const turn = Promise.withResolvers<T>();
    const leave = () => {
      const at = waiting.indexOf(turn);
      if (at >= 0) waiting.splice(at, 1);
      turn.reject(cancelled(signal));
    };
    waiting.push(turn);
    signal.addEventListener('abort', leave, { once: true });
    return turn.promise.finally(() => signal.removeEventListener('abort', leave));
  }

  return {
    get closed() {
      return closed;
    },
    async take(signal) {
      if (closed) throw closing();
      if (signal.aborted) throw cancelled(signal);
      return idle.shift() ?? wait(signal);
    },
    give(item) {
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
