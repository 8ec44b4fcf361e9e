/**
 * Returns an iterator whose `return()` ends the generator at once, also while it waits.
 * NOTE: a generator acts on `return()` only at its next `yield`, so its signal is aborted to wake it.
 */
export function cancellable<T>(start: (signal: AbortSignal) => AsyncGenerator<T>): AsyncIterableIterator<T> {
  const stop = new AbortController();
  const source = start(stop.signal);
  return {
    next: () => source.next(),
    return() {
      stop.abort();
      return source.return(undefined);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
