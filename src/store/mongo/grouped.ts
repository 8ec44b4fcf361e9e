/**
 * Does what comes while one call is under way with the next one: alone nothing waits, and in a crowd many
 * writes cost one commit. Each item settles with the call that took it along.
 */
export function createGrouped<T>(run: (items: readonly T[]) => Promise<void>): (item: T) => Promise<void> {
  let running: Promise<void> | null = null;
  let waiting: { items: T[]; done: Promise<void> } | null = null;

  function start(items: readonly T[]): Promise<void> {
    const call = run(items).finally(() => {
      if (running === call) running = null;
    });
    running = call;
    return call;
  }

  return (item) => {
    if (!running) return start([item]);
    if (!waiting) {
      const items: T[] = [];
      const begin = () => {
        waiting = null;
        return start(items);
      };
      waiting = { items, done: running.then(begin, begin) };
    }
    waiting.items.push(item);
    return waiting.done;
  };
}

/** Reads by id in the same way: what is asked for while one read is under way is read together. */
export function createGroupedReads<T extends { _id: string }>(
  read: (ids: readonly string[]) => Promise<readonly T[]>,
): (id: string) => Promise<T | undefined> {
  const run = createGrouped(async (asked: readonly { id: string; found?: T | undefined }[]) => {
    const found = new Map((await read(asked.map(({ id }) => id))).map((one) => [one._id, one]));
    for (const one of asked) one.found = found.get(one.id);
  });
  return async (id) => {
    const asked: { id: string; found?: T | undefined } = { id };
    await run(asked);
    return asked.found;
  };
}
