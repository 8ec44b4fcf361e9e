import { SWEEP_KINDS } from '../../src/domain/files/retention.ts';
import type { Sweep } from '../../src/operations/files/sweep.ts';

/** Sweeps everything once, as the workflow does. @returns how much was removed. */
export async function sweepAll(sweep: Sweep, now?: number): Promise<number> {
  let total = 0;
  for (const kind of SWEEP_KINDS) {
    let after: string | null = null;
    do {
      const { next, removed } = await sweep({ kind, after }, now);
      after = next;
      total += removed;
    } while (after !== null);
  }
  return total;
}
