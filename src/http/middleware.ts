import type { Context } from 'hono';
import { createMiddleware } from 'hono/factory';
import { routePath } from 'hono/route';
import { REST_DIALECTS, restRowOf } from '../domain/dialect.ts';
import type { Metrics } from './metrics.ts';
import type { HttpEnv } from './signed-path.ts';

/** Patterns of the paths that a dialect gets exactly as they were sent. */
const AS_RECEIVED = REST_DIALECTS.flatMap((dialect) => restRowOf(dialect).pathsAsReceived ?? []);

/** Counts each answered request by the route that served it. */
export function observe(metrics: Metrics) {
  return createMiddleware<HttpEnv>(async (c, next) => {
    const startedAt = performance.now();
    await next();
    const seconds = (performance.now() - startedAt) / 1000;
    metrics.countRequest({ method: c.req.method, route: routeOf(c), status: c.res.status, seconds });
  });
}

/**
 * Keeps the connection open for an answer that is sent before the whole body was read, also if the client asked to
 * close it: closed with bytes unread it is reset, and a client that still writes never sees the answer. The adapter
 * reads on for half a second and closes then.
 */
export function answerBeforeEnd() {
  return createMiddleware<HttpEnv>(async (c, next) => {
    await next();
    const { incoming, outgoing } = c.env;
    if (!incoming.complete) outgoing.shouldKeepAlive = true;
  });
}

/** Forbids browsers to sniff or frame our answers and to send their addresses on; a route may set other headers. */
export function protect() {
  return createMiddleware<HttpEnv>(async (c, next) => {
    await next();
    const { headers } = c.res;
    headers.set('X-Content-Type-Options', 'nosniff');
    headers.set('Referrer-Policy', 'no-referrer');
    headers.set('X-Frame-Options', 'DENY');
    if (!headers.has('Cross-Origin-Resource-Policy'))
      headers.set('Cross-Origin-Resource-Policy', 'same-origin');
    const isJson = headers.get('Content-Type') === 'application/json';
    if (isJson && !headers.has('Content-Security-Policy')) {
      headers.set('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'");
    }
  });
}

/** Returns the pattern of the handler that answered, such as `/jobs/:jobId`; never the path itself. */
export function routeOf(c: Context<HttpEnv>): string {
  const route = routePath(c);
  return route.endsWith('*') ? 'unmatched' : route;
}

/** Removes trailing and doubled slashes, since a redirect to the plain path is an error for some clients. */
export function canonicalPath(path: string): string {
  if (AS_RECEIVED.some((form) => form.test(path))) return path;
  return path.replace(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '');
}
