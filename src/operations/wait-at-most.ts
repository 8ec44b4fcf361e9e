import { setTimeout } from 'node:timers/promises';

/** Waits until the work is done, whatever comes of it, or so long; it goes on by itself then. */
export async function waitAtMost(withinMs: number, work: Promise<unknown>): Promise<void> {
  const cancelTimer = new AbortController();
  const done = work.then(
    () => cancelTimer.abort(),
    () => cancelTimer.abort(),
  );
  await Promise.race([done, setTimeout(withinMs, undefined, { signal: cancelTimer.signal }).catch(() => {})]);
}
