interface Line<T> {
  running: Promise<void>;
  /** What goes with the next call; null while nobody waits for it. */
  next: { items: T[]; done: Promise<void> } | null;
}

/**
 * Does what comes while one call of the same key is under way with the next one: alone nothing waits, and in a
 * crowd many writes cost one commit. Each item settles with the call that took it along.
 */
export function createGroupedByKey<T>(
  run: (key: string, items: readonly T[]) => Promise<void>,
): (key: string, item: T) => Promise<void> {
  const lines = new Map<string, Line<T>>();

  function start(key: string, items: readonly T[]): Promise<void> {
    const line: Line<T> = { running: run(key, items), next: null };
    lines.set(key, line);
    const end = () => {
      if (!line.next) lines.delete(key);
    };
    line.running.then(end, end);
    return line.running;
  }

  return (key, item) => {
    const line = lines.get(key);
    if (!line) return start(key, [item]);
    if (!line.next) {
      const items: T[] = [];
      const begin = () => start(key, items);
      line.next = { items, done: line.running.then(begin, begin) };
    }
    line.next.items.push(item);
    return line.next.done;
  };
}

/** The same where all items go together. */
export function createGrouped<T>(run: (items: readonly T[]) => Promise<void>): (item: T) => Promise<void> {
  const grouped = createGroupedByKey<T>((_, items) => run(items));
  return (item) => grouped('', item);
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
