import { bodyLimit } from 'hono/body-limit';
import { createMiddleware } from 'hono/factory';
import { KilnError } from '../domain/errors.ts';
import type { HttpEnv } from './signed-path.ts';

const MEBIBYTE = 2 ** 20;
/** Time limit for each mebibyte: a body that takes longer only holds the connection. */
const MAX_MS = 30_000;

/** Limits the body of a request that is no upload, in bytes (1 MiB unless given) and in time. */
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
