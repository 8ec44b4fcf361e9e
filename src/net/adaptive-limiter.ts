/** Bounds how many requests are under way to one endpoint; endpoints that answer well get more. */
interface AdaptiveLimiter {
  /**
   * Runs `work` if the endpoint has a free slot (1 to 24), else returns null without calling it. `isGood` of
   * the result raises the limit by one; false or a throw halves it.
   * @throws whatever `work` throws.
   */
  tryRun<T>(endpointId: string, work: () => Promise<T>, isGood: (result: T) => boolean): Promise<T | null>;
  /** Returns how many requests the endpoint may have under way at present: 1 to 24. */
  limitOf(endpointId: string): number;
}

interface Slots {
  used: number;
  limit: number;
}

/** Nobody knows yet whether an endpoint is fast: fifty slow ones must not fill all slots of a worker. */
const FIRST_LIMIT = 3;
const MAX_LIMIT = 24;
/** Endpoints that are remembered; beyond it those with nothing under way are forgotten. */
const MAX_REMEMBERED = 10_000;

/** Builds a limiter for this process. Each endpoint has its own limit, so slow ones never slow the others. */
export function createAdaptiveLimiter(): AdaptiveLimiter {
  const known = new Map<string, Slots>();

  function slotsOf(endpointId: string): Slots {
    const found = known.get(endpointId);
    if (found) return found;
    if (known.size >= MAX_REMEMBERED) forgetIdle(known);
    const slots = { used: 0, limit: FIRST_LIMIT };
    known.set(endpointId, slots);
    return slots;
  }

  return {
    limitOf: (endpointId) => known.get(endpointId)?.limit ?? FIRST_LIMIT,

    async tryRun(endpointId, work, isGood) {
      const slots = slotsOf(endpointId);
      if (slots.used >= slots.limit) return null;
      slots.used += 1;
      let good = false;
      try {
        const result = await work();
        good = isGood(result);
        return result;
      } finally {
        slots.used -= 1;
        slots.limit = good ? Math.min(slots.limit + 1, MAX_LIMIT) : Math.max(1, Math.floor(slots.limit / 2));
      }
    },
  };
}

/** Forgets the limits of endpoints with nothing under way: they begin anew. */
function forgetIdle(known: Map<string, Slots>): void {
  for (const [endpointId, { used }] of known) if (used === 0) known.delete(endpointId);
}
