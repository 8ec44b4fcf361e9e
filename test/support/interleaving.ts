import type { SeededRandom } from './seeded-random.ts';

/**
 * Runs tasks side by side, one step at a time, in an order that the seed decides: a task that asks for its
 * turn waits until all others do, and then one of them goes on. So every interleaving can be had again.
 */
export function createInterleaving(random: SeededRandom) {
  const waiting: (() => void)[] = [];
  let live = 0;

  function goOn(): void {
    if (live === 0 || waiting.length < live) return;
    const [next] = waiting.splice(random.below(waiting.length), 1);
    next?.();
  }

  return {
    /** Every task asks before each step; one that waits for something else would hold up all. */
    turn(): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push(resolve);
      goOn();
      return promise;
    },

    async run(tasks: readonly (() => Promise<unknown>)[]): Promise<void> {
      live = tasks.length;
      const ended = tasks.map(async (task) => {
        try {
          await task();
        } finally {
          live -= 1;
          goOn();
        }
      });
      await Promise.all(ended);
    },
  };
}
