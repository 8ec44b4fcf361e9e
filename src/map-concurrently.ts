interface Options {
  /** Temporal does not take many more calls at a time than the 16 that are usual here. */
  concurrency?: number;
  /** Begins nothing more once it is aborted, and throws its reason. */
  signal?: AbortSignal;
}

/**
 * Runs `work` on all items, a bounded number at a time. @returns the results in the order of the items.
 * @throws what the first failure throws, or the signal's reason; what has not begun by then never does.
 */
export async function mapConcurrently<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<R>,
  { concurrency = 16, signal }: Options = {},
): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  let hasFailed = false;

  async function worker(): Promise<void> {
    for (const [i, item] of queue) {
      if (hasFailed) return;
      try {
        signal?.throwIfAborted();
        results[i] = await work(item, i);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  }

  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, worker));
  return results;
}
