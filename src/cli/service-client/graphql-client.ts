import { createClient } from 'graphql-ws';
import { CommandError } from '../terminal/command-error.ts';

/** A running service and the key to call it with. */
export interface Service {
  /** Without a trailing slash. */
  url: string;
  apiKey: string;
}

/** A running service and the operator's token. */
export interface AdminService extends Pick<Service, 'url'> {
  adminToken: string;
}

/** A GraphQL client: queries and mutations over HTTP, subscriptions over one WebSocket. */
export interface GraphqlClient {
  request<Data>(document: string, variables?: Record<string, unknown>): Promise<Data>;
  /** Yields what the subscription sends, until it ends; leaving the loop unsubscribes. */
  subscribe<Data>(document: string, variables: Record<string, unknown>): AsyncGenerator<Data>;
  close(): Promise<void>;
}

interface Answer<Data> {
  data?: Data | null;
  errors?: readonly { message: string; extensions?: { code?: string; hint?: string } }[];
}

export function createGraphqlClient(service: Service | AdminService): GraphqlClient {
  const { url } = service;
  const credential =
    'adminToken' in service ? { authorization: `Bearer ${service.adminToken}` } : { apiKey: service.apiKey };
  const headers: Record<string, string> =
    'adminToken' in service ? credential : { 'x-api-key': service.apiKey };
  const socket = createClient({
    url: `${url.replace(/^http/, 'ws')}/graphql`,
    connectionParams: credential,
    lazy: true,
    retryAttempts: 3,
  });

  return {
    async request<Data>(query: string, variables: Record<string, unknown> = {}) {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ query, variables }),
      }).catch((cause: unknown) => {
        throw new CommandError(`Kiln does not answer at ${url}.`, {
          hint: 'Start it with `npm start`, or name another with --url (or KILN_URL).',
          cause,
          isUsage: true,
        });
      });
      const answer = await response.json().catch((cause: unknown) => {
        throw new CommandError(`${url} answered ${response.status}, but not as Kiln does.`, { cause });
      });
      return dataOf<Data>(answer as Answer<Data>, service);
    },

    async *subscribe<Data>(query: string, variables: Record<string, unknown>) {
      try {
        for await (const result of socket.iterate<Data>({ query, variables })) {
          yield dataOf<Data>(result as Answer<Data>, service);
        }
      } catch (error) {
        explain(error, service);
      }
    },

    async close() {
      await socket.dispose();
    },
  };
}

/** Throws a CommandError for a refused subscription (a list of GraphQL errors) or a broken connection (an event). */
function explain(thrown: unknown, service: Service | AdminService): never {
  if (thrown instanceof Error) throw thrown;
  if (Array.isArray(thrown)) dataOf({ errors: thrown }, service);
  const reason = thrown && typeof thrown === 'object' && 'reason' in thrown ? String(thrown.reason) : '';
  throw new CommandError(`The connection to ${service.url} was lost${reason ? `: ${reason}` : '.'}`, {
    hint: reason ? undefined : 'See whether it runs, and call again.',
    cause: thrown,
  });
}

function dataOf<Data>({ data, errors }: Answer<Data>, service: Service | AdminService): Data {
  const [error] = errors ?? [];
  if (error) {
    const { hint, code } = error.extensions ?? {};
    // The service answers a wrong operator's token like any wrong key.
    if (code === 'UNAUTHENTICATED' && 'adminToken' in service)
      throw new CommandError('The admin token is not valid.', {
        hint: "Give the service's own with KILN_ADMIN_TOKEN (or --admin-token).",
        code,
      });
    throw new CommandError(error.message, { hint, code });
  }
  if (!data) throw new CommandError('Kiln gave an empty answer.');
  return data;
}
