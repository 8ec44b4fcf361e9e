/** Enough to keep a line busy, and few enough to leave some of it to others. */
const AT_ONCE = 4;

/** Does the work for all items, a few at a time, and keeps their order. */
export async function fewAtATime<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const lane = async () => {
    for (const [i, item] of queue) results[i] = await work(item, i);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return results;
}
