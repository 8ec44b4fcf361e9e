import { once } from 'node:events';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import { getPath } from 'hono/utils/url';
import type { RestDialect } from '../domain/dialect.ts';
import type { Log } from '../log.ts';
import type { DialectOperations } from '../rest/adapter.ts';
import { trackConnections } from './connections.ts';
import { dialectRoutes } from './dialects.ts';
import { type DownloadPorts, downloadRoutes } from './downloads.ts';
import { createErrorHandler } from './error-handler.ts';
import { answerError } from './errors.ts';
import { createMetrics } from './metrics.ts';
import { answerBeforeEnd, canonicalPath, observe, protect } from './middleware.ts';
import { serveOneAtATime } from './one-at-a-time.ts';
import { operatorRoutes } from './operator-routes.ts';
import type { HttpEnv } from './signed-path.ts';
import { smallBody } from './small-body.ts';
import { type UploadPorts, uploadRoutes } from './uploads.ts';

/** The GraphQL API as the HTTP server sees it. */
interface GraphqlTransport {
  handle(request: Request, bindings: { incoming: IncomingMessage }): Promise<Response>;
  attachWebSocket(server: Server): void;
}

/** What the HTTP server is built from. */
export interface HttpOptions {
  operations: UploadPorts & DownloadPorts & DialectOperations;
  log: Pick<Log, 'warn' | 'error'>;
  /** Returns the origin of absolute URLs in a dialect's answers, without a trailing slash. */
  publicUrl(dialect: RestDialect): string;
  graphql: GraphqlTransport;
  /** Rejects with the error of the part that does not answer. */
  checkReady(): Promise<void>;
  limits: {
    uploadBytes: number;
    /** Milliseconds without a byte, in the middle of a request, after which a connection is cut. */
    idleMs?: number;
  };
}

const IDLE_MS = 60_000;
const HEADERS_MS = 20_000;
/** Longer than the usual 60 s of load balancers, so that Kiln never closes a connection under a request. */
const KEEP_ALIVE_MS = 65_000;

/** Builds the one HTTP server of a process: every API on one origin. */
export function createHttp(options: HttpOptions) {
  const { limits, graphql } = options;
  const server = createAdaptorServer({
    fetch: createRoutes(options).fetch,
    serverOptions: {
      headersTimeout: HEADERS_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      // Does not limit long uploads; `timeout` below ends silent ones.
      requestTimeout: 0,
    },
  }) as Server;
  serveOneAtATime(server);
  server.timeout = limits.idleMs ?? IDLE_MS;
  graphql.attachWebSocket(server);
  const connections = trackConnections(server);

  return {
    /** Listens and returns where; port 0 takes any free one. */
    async listen(host: string, port: number): Promise<{ url: string; port: number }> {
      server.listen(port, host);
      await once(server, 'listening');
      const bound = server.address() as AddressInfo;
      return { url: `http://${host.includes(':') ? `[${host}]` : host}:${bound.port}`, port: bound.port };
    },
    close: connections.drain,
  };
}

function createRoutes({
  operations,
  log,
  publicUrl,
  graphql,
  checkReady,
  limits,
}: HttpOptions): Hono<HttpEnv> {
  const metrics = createMetrics();
  const app = new Hono<HttpEnv>({ getPath: (request) => canonicalPath(getPath(request)) });
  app.use(answerBeforeEnd(), observe(metrics), protect());
  app.route('/', uploadRoutes(operations, limits.uploadBytes));
  app.route('/', downloadRoutes(operations));
  app.route('/', dialectRoutes({ operations, log, publicUrl }));
  app.use(smallBody());
  app.route('/', operatorRoutes({ checkReady, metrics }));
  app.on(['GET', 'POST', 'OPTIONS'], '/graphql', (c) => graphql.handle(c.req.raw, c.env));
  app.notFound(() =>
    answerError({ status: 404, code: 'NOT_FOUND', message: 'There is nothing at this address.' }),
  );
  return app.onError(createErrorHandler(log));
}
