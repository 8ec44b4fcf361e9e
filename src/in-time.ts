import { setTimeout } from 'node:timers/promises';

/** Waits until the work is done, whatever comes of it, or so long. @returns whether it was done in time. */
export async function inTime(withinMs: number, work: Promise<unknown>): Promise<boolean> {
  const hurry = new AbortController();
  const late = setTimeout(withinMs, false, { signal: hurry.signal }).catch(() => false);
  const done = work.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([done, late]);
  } finally {
    hurry.abort();
  }
}
