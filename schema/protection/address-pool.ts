/** Bounds how many calls of one address run at a time; the others wait in their order. */
export function createAddressPool(maxConcurrent: number) {
  const lines = new Map<string, { running: number; waiting: (() => void)[] }>();

  return {
    /** Runs `work` once fewer than `maxConcurrent` of its address do. */
    async run<T>(who: string, work: () => T | Promise<T>): Promise<T> {
      const line = lines.get(who) ?? { running: 0, waiting: [] };
      lines.set(who, line);
      if (line.running < maxConcurrent) line.running += 1;
      else {
        const { promise, resolve } = Promise.withResolvers<void>();
        line.waiting.push(resolve);
        await promise;
      }
      try {
        return await work();
      } finally {
        const next = line.waiting.shift();
        // Its place passes to the next one, so the count stays.
        if (next) next();
        else {
          line.running -= 1;
          if (line.running === 0) lines.delete(who);
        }
      }
    },

    /** How many wait at an address. */
    waiting: (who: string): number => lines.get(who)?.waiting.length ?? 0,
  };
}
