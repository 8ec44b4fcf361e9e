/** Returns the value that `share` of the sample does not exceed (nearest rank). */
export function percentile(sample: readonly number[], share: number): number {
  const sorted = sample.toSorted((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** Runs `inFlight` copies of `work` for `ms`. @returns how often it finished, and how often per second. */
export async function measureRate(
  inFlight: number,
  ms: number,
  work: () => Promise<unknown>,
): Promise<{ rate: number; finished: number }> {
  const began = performance.now();
  const end = began + ms;
  let finished = 0;
  const worker = async () => {
    while (performance.now() < end) {
      await work();
      finished += 1;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  // The last ones run past the end; their time counts as well.
  return { rate: finished / ((performance.now() - began) / 1000), finished };
}
