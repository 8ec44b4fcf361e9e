import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { pino } from 'pino';
import type { SchemaOperations } from '../../schema/context.ts';
import { createGraphql, type GraphqlPorts } from '../../schema/server.ts';
import { ALICE } from './service.ts';

/** An answer whose shape the test itself asked for. */
interface Answer {
  // biome-ignore lint/suspicious/noExplicitAny: each test reads just what it selected.
  data: any;
  errors?: { message: string; path?: unknown[]; extensions: Record<string, unknown> }[];
}

/** GraphQL over the operations given, with a log that can be read back. */
export function createApi(operations: SchemaOperations, options: Partial<GraphqlPorts> = {}) {
  const lines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  const graphql = createGraphql({
    operations,
    log,
    publicUrl: () => 'https://kiln.test',
    development: false,
    ...options,
  });

  function post(body: unknown, headers: Record<string, string> = { 'X-API-Key': ALICE }): Promise<Response> {
    return graphql.handle(
      new Request('https://kiln.test/graphql', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    );
  }

  async function ask(
    query: string,
    variables: object = {},
    headers?: Record<string, string>,
  ): Promise<Answer> {
    return (await post({ query, variables }, headers)).json() as Promise<Answer>;
  }

  return { ...graphql, post, ask, log: () => lines.join('\n') };
}

export type ServedApi = Awaited<ReturnType<typeof serveApi>>;

/** Serves GraphQL over HTTP and WebSocket on a free port of this machine. */
export async function serveApi(api: ReturnType<typeof createApi>) {
  const server = createAdaptorServer({
    fetch: (request, bindings) => api.handle(request, bindings as object),
  }) as Server;
  api.attachWebSocket(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    server,
    url: `http://127.0.0.1:${port}`,
    graphqlUrl: `http://127.0.0.1:${port}/graphql`,
    socketUrl: `ws://127.0.0.1:${port}/graphql`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
