import { bodyLimit } from 'hono/body-limit';
import { createMiddleware } from 'hono/factory';
import { KilnError } from '../domain/errors.ts';
import type { HttpEnv } from './signed-path.ts';

const MEBIBYTE = 2 ** 20;
/** A body that takes longer than this for each mebibyte is no slow line but a held connection. */
const MAX_MS = 30_000;

/** Bounds a request that is no upload, in bytes and in time; by default to what is enough for any document of ours. */
export function smallBody(maxBytes = MEBIBYTE) {
  const maxMs = MAX_MS * Math.max(1, maxBytes / MEBIBYTE);
  const refuse = (): never => {
    throw new KilnError('TOO_LARGE', `The body may have at most ${maxBytes} bytes.`);
  };
  const counted = bodyLimit({ maxSize: maxBytes, onError: refuse });

  return createMiddleware<HttpEnv>(async (c, next) => {
    const { incoming } = c.env;
    const length = Number(incoming.headers['content-length'] ?? 0);
    const isChunked = incoming.headers['transfer-encoding'] !== undefined;
    if (length > maxBytes) refuse();
    if (length === 0 && !isChunked) return next();
    const timer = setTimeout(() => incoming.destroy(), maxMs);
    incoming.once('end', () => clearTimeout(timer));
    incoming.once('close', () => clearTimeout(timer));
    return isChunked ? counted(c, next) : next();
  });
}
