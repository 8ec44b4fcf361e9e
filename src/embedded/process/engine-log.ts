import { copyFile, stat, truncate } from 'node:fs/promises';

/** How much an engine may write before its log begins anew; the last full one is kept beside it. */
export const ENGINE_LOG_BYTES = 16 * 2 ** 20;
const LOOK_EVERY_MS = 60_000;

export interface LogBound {
  maxBytes?: number;
  everyMs?: number;
}

/**
 * Looks at a log now and then, and empties it when it is full, after copying it to `<path>.1`. Whoever writes
 * into it goes on: files that are opened for appending begin again at the front.
 * @returns ends the looking.
 */
export function boundLog(
  path: string,
  { maxBytes = ENGINE_LOG_BYTES, everyMs = LOOK_EVERY_MS }: LogBound = {},
): () => void {
  const look = async () => {
    if ((await stat(path)).size <= maxBytes) return;
    await copyFile(path, `${path}.1`);
    await truncate(path);
  };
  // A log that cannot be looked at is no reason to end an engine.
  const timer = setInterval(() => void look().catch(() => {}), everyMs).unref();
  void look().catch(() => {});
  return () => clearInterval(timer);
}
