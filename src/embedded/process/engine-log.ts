import { copyFile, stat, truncate } from 'node:fs/promises';

/** Bytes after which an engine's log begins anew; the last full one is kept beside it. */
export const ENGINE_LOG_BYTES = 16 * 2 ** 20;
const LOOK_EVERY_MS = 60_000;

interface LogBound {
  maxBytes?: number;
  everyMs?: number;
}

/**
 * Checks a log's size every minute, and when it is full copies it to `<path>.1` and truncates it. Its writer
 * is not disturbed: a file that is opened for appending goes on at the front.
 * @returns a function that ends the checks.
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
  // Ignores errors: a log that cannot be checked is no reason to end an engine.
  const timer = setInterval(() => void look().catch(() => {}), everyMs).unref();
  void look().catch(() => {});
  return () => clearInterval(timer);
}
