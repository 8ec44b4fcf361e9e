import { ConfigError } from './config.ts';
import { watchParent } from './embedded/parent-watch.ts';

export interface Running {
  /** Settles only when something essential ends by itself. */
  ended?: Promise<unknown>;
  /** Graceful; may take some seconds. */
  stop(): Promise<void>;
}

/** After a second signal, or this long after the first, the process goes without ceremony. */
const STOP_DEADLINE_MS = 25_000;

/**
 * The life of a process: start, run until a signal, a lost parent or an essential part's end, stop.
 * Exit codes: 0 after a signal, 1 after a fault, 2 for a faulty configuration.
 */
export async function runProcess(start: () => Promise<Running>): Promise<void> {
  const stopped = Promise.withResolvers<number>();
  let signals = 0;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      signals += 1;
      if (signals > 1) process.exit(1);
      stopped.resolve(0);
    });
  }
  watchParent(() => stopped.resolve(1));
  try {
    const running = await Promise.race([start(), stopped.promise]);
    if (typeof running === 'number') process.exit(running);
    running.ended?.then(
      () => stopped.resolve(1),
      (error: unknown) => {
        report(error);
        stopped.resolve(1);
      },
    );
    const code = await stopped.promise;
    setTimeout(() => process.exit(1), STOP_DEADLINE_MS).unref();
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
