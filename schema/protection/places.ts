/** Lets a number of things go on at a time for each address; the others wait in their order. */
export function createPlaces(most: number) {
  const lines = new Map<string, { taken: number; waiting: (() => void)[] }>();

  return {
    /** Runs `work` once there is a place for it. */
    async within<T>(who: string, work: () => T | Promise<T>): Promise<T> {
      const line = lines.get(who) ?? { taken: 0, waiting: [] };
      lines.set(who, line);
      if (line.taken < most) line.taken += 1;
      else {
        const { promise, resolve } = Promise.withResolvers<void>();
        line.waiting.push(resolve);
        await promise;
      }
      try {
        return await work();
      } finally {
        const next = line.waiting.shift();
        // The place is handed on as it is.
        if (next) next();
        else {
          line.taken -= 1;
          if (line.taken === 0) lines.delete(who);
        }
      }
    },

    /** How many wait at an address. */
    waiting: (who: string): number => lines.get(who)?.waiting.length ?? 0,
  };
}
