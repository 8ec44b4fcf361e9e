/** Numbers that look random and are the same for the same seed (mulberry32). */
export interface SeededRandom {
  /** 0 ≤ n < 1. */
  next(): number;
  /** A whole number below `limit`. */
  below(limit: number): number;
  chance(share: number): boolean;
  /** One of these; there must be one. */
  pick<T>(from: readonly T[]): T;
}

/** The seed of this run: a new one each time, or the one that is to be repeated. */
export function seedOf(env = process.env.KILN_TEST_SEED): number {
  return env === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(env);
}

export function seededRandom(seed: number): SeededRandom {
  let state = seed;
  function next(): number {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    next,
    below,
    chance: (share) => next() < share,
    pick: (from) => from[below(from.length)] as (typeof from)[number],
  };
}
