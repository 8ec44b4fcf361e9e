import { bodyLimit } from 'hono/body-limit';
import { createMiddleware } from 'hono/factory';
import { KilnError } from '../domain/errors.ts';
import type { HttpEnv } from './signed-path.ts';

/** Enough for any document of ours; files come in by other routes. */
const MAX_BYTES = 1024 * 1024;
/** A small body that takes longer than this is no slow line but a held connection. */
const MAX_MS = 30_000;

/** Bounds a request that is no upload, in bytes and in time. */
export function smallBody() {
  const refuse = (): never => {
    throw new KilnError('TOO_LARGE', `The body may have at most ${MAX_BYTES} bytes.`);
  };
  const counted = bodyLimit({ maxSize: MAX_BYTES, onError: refuse });

  return createMiddleware<HttpEnv>(async (c, next) => {
    const { incoming } = c.env;
    const length = Number(incoming.headers['content-length'] ?? 0);
    const isChunked = incoming.headers['transfer-encoding'] !== undefined;
    if (length > MAX_BYTES) refuse();
    if (length === 0 && !isChunked) return next();
    const timer = setTimeout(() => incoming.destroy(), MAX_MS);
    incoming.once('end', () => clearTimeout(timer));
    incoming.once('close', () => clearTimeout(timer));
    return isChunked ? counted(c, next) : next();
  });
}
