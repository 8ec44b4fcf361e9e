import { ConfigError } from '../config.ts';
import { watchParent } from '../embedded/process/parent-watch.ts';

export interface Running {
  /** Rejects or resolves when something essential ends by itself. */
  ended?: Promise<unknown>;
  /** Stops gracefully, which may take some seconds. */
  stop(): Promise<void>;
}

interface Stop {
  code: number;
  /** Milliseconds for a graceful stop, after which the process exits at once. */
  withinMs: number;
}

const STOP_DEADLINE_MS = 35_000;
/** Shorter without a parent process: nobody waits, and the work goes on at the next start. */
const ORPHAN_DEADLINE_MS = 4000;
const SAME_SIGNAL_MS = 1000;

/**
 * Runs a process: starts it, waits for a signal, the end of its parent or of an essential part, and stops it.
 * Exit codes: 0 after a signal, 1 after an error, 2 for an invalid configuration.
 */
export async function runProcess(start: () => Promise<Running>): Promise<void> {
  const stopped = Promise.withResolvers<Stop>();
  let firstSignalAt = 0;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      // npm, the bootstrap and the terminal may each pass the same signal on.
      if (firstSignalAt > 0 && Date.now() - firstSignalAt > SAME_SIGNAL_MS) process.exit(1);
      firstSignalAt ||= Date.now();
      stopped.resolve({ code: 0, withinMs: STOP_DEADLINE_MS });
    });
  }
  watchParent(() => stopped.resolve({ code: 1, withinMs: ORPHAN_DEADLINE_MS }));
  try {
    const running = await Promise.race([start(), stopped.promise]);
    if ('code' in running) process.exit(running.code);
    let stopping = false;
    const fallen = (error: unknown) => {
      if (stopping) return;
      report(error);
      stopped.resolve({ code: 1, withinMs: ORPHAN_DEADLINE_MS });
    };
    running.ended?.then(() => fallen('An essential part ended.'), fallen);
    const { code, withinMs } = await stopped.promise;
    stopping = true;
    setTimeout(() => process.exit(1), withinMs).unref();
    await running.stop();
    process.exit(code);
  } catch (error) {
    report(error);
    process.exit(error instanceof ConfigError ? 2 : 1);
  }
}

function report(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
}
