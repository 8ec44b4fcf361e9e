import { setTimeout } from 'node:timers/promises';

/** Waits until the work is done, whatever comes of it, or so long; it goes on by itself then. */
export async function inTime(withinMs: number, work: Promise<unknown>): Promise<void> {
  const hurry = new AbortController();
  const done = work.then(
    () => hurry.abort(),
    () => hurry.abort(),
  );
  await Promise.race([done, setTimeout(withinMs, undefined, { signal: hurry.signal }).catch(() => {})]);
}
