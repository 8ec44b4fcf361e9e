/**
 * Gives a consumer's `return()` at once to a generator that may be waiting.
 * NOTE: a generator hears `return()` only when it gets to its next `yield`; its signal wakes it.
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
