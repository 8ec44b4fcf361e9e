import { setTimeout } from 'node:timers/promises';
import type { Log } from '../log.ts';

/** One kind of leftovers, looked for again and again. */
export interface RepairStep {
  name: string;
  /** Finds and mends what is broken now. `signal` is aborted when the process stops. */
  run(signal: AbortSignal): Promise<unknown>;
}

export interface RepairRoundsOptions {
  steps: readonly RepairStep[];
  /** The pause between the end of a step and its next beginning. */
  everyMs: number;
  log: Pick<Log, 'warn'>;
}

export interface RepairRounds {
  /** Begins no further round. Resolves when those under way have ended. */
  stop(): Promise<void>;
}

/**
 * Runs all steps at once and each of them again `everyMs` after it has ended: a step never overlaps
 * itself, and one that throws, hangs or takes long holds up no other.
 */
export function startRepairRounds({ steps, everyMs, log }: RepairRoundsOptions): RepairRounds {
  const stopping = new AbortController();
  const { signal } = stopping;

  async function repeat({ name, run }: RepairStep): Promise<void> {
    while (!signal.aborted) {
      try {
        await run(signal);
      } catch (error) {
        if (!signal.aborted)
          log.warn({ step: name, error: String(error) }, 'a repair step failed; the next round tries again');
      }
      await setTimeout(everyMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  const running = steps.map(repeat);
  return {
    async stop() {
      stopping.abort();
      await Promise.all(running);
    },
  };
}
