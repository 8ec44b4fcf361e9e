import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { DIALECTS, REST_DIALECTS, type RestDialect, restRowOf } from '../domain/dialect.ts';
import type { Log } from '../log.ts';
import type { DialectOperations } from '../rest/adapter.ts';
import { ADAPTERS } from '../rest/adapters.ts';
import { credentialOf } from './credential.ts';
import { createErrorHandler } from './error-handler.ts';
import type { HttpEnv } from './signed-path.ts';
import { smallBody } from './small-body.ts';

interface DialectRoutesPorts {
  operations: DialectOperations;
  log: Pick<Log, 'warn' | 'error'>;
  publicUrl(dialect: RestDialect): string;
}

/** Builds the routes of all REST dialects, each with the bodies, origins and credentials that its table row allows. */
export function dialectRoutes(ports: DialectRoutesPorts): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  for (const dialect of REST_DIALECTS) app.route('/', routesOf(dialect, ports));
  return app;
}

function routesOf(dialect: RestDialect, { operations, log, publicUrl }: DialectRoutesPorts): Hono<HttpEnv> {
  const { routes, answerKilnError } = ADAPTERS[dialect];
  const { credentials } = DIALECTS[dialect];
  const own = new Hono<HttpEnv>();
  routes(own, {
    operations,
    publicUrl: () => publicUrl(dialect),
    credentialOf: ({ headers, url }) => credentialOf(headers, credentials, url),
  });
  return guarded(own, dialect).onError(createErrorHandler(log, answerKilnError));
}

/** Puts each route behind its limits, one by one: a limit on all paths would also hit other dialects. */
function guarded(own: Hono<HttpEnv>, dialect: RestDialect): Hono<HttpEnv> {
  const { maxBodyBytes, cors: allowed } = restRowOf(dialect);
  const app = new Hono<HttpEnv>();
  const limitBody = smallBody(maxBodyBytes);
  const allow = allowed && cors({ origin: allowed.origin, allowHeaders: [...allowed.headers] });
  for (const { method, path, handler } of own.routes) {
    if (allow) app.on(['OPTIONS', method], path, allow);
    app.on(method, path, limitBody, handler);
  }
  return app;
}
