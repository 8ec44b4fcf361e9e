import type { IncomingMessage, Server } from 'node:http';
import { renderGraphiQL } from '@graphql-yoga/render-graphiql';
import { createLRUCache, createYoga, type Plugin } from 'graphql-yoga';
import { UNKNOWN_SENDER } from '../src/domain/access/client-address.ts';
import { credentialOf, senderOf } from '../src/http/credential.ts';
import type { Log } from '../src/log.ts';
import type { KilnContext, SchemaOperations } from './context.ts';
import { createIdentify, type Identity } from './identity.ts';
import { schema } from './index.ts';
import { createMaskError } from './mask-error.ts';
import { fairScheduling } from './protection/fair-scheduling.ts';
import { limitPlugins } from './protection/limits.ts';
import { rateLimit } from './rate-limit.ts';
import { attachSockets } from './websocket.ts';

/** Where GraphQL is, for HTTP and WebSocket alike. */
const GRAPHQL_PATH = '/graphql';
/** The largest body: it has room for a batch of 1,000 jobs with long names. */
export const MAX_BODY_BYTES = 1024 * 1024;
/** The longest document, in characters, that stays parsed. */
const MAX_KEPT_DOCUMENT = 64 * 1024;

export interface GraphqlPorts {
  operations: SchemaOperations;
  log: Log;
  /** Known only once the server listens, hence asked for each request. */
  publicUrl: () => string;
  /** Opens introspection, GraphiQL and suggestions. */
  development: boolean;
}

interface Graphql {
  /** Answers a request to GRAPHQL_PATH: JSON, or server-sent events where the client accepts them. */
  handle(request: Request, bindings?: { incoming?: IncomingMessage }): Promise<Response>;
  /** Takes the WebSocket upgrades of the server. */
  attachWebSocket(server: Server): void;
}

/** What a transport knows: a socket its identity, since its first message; a request only where it came from. */
interface ServerContext {
  identity?: Identity;
  incoming?: IncomingMessage | undefined;
  signal?: AbortSignal;
}

/** Serves the schema over HTTP, server-sent events and graphql-ws. */
export function createGraphql({ operations, log, publicUrl, development }: GraphqlPorts): Graphql {
  const maskError = createMaskError({ log, suggestions: development });
  const identify = createIdentify(operations);
  const yoga = createYoga<ServerContext, KilnContext>({
    schema,
    graphqlEndpoint: GRAPHQL_PATH,
    context: async ({ request, identity, incoming, signal = request.signal }) => ({
      ...(identity ??
        (await identify(
          credentialOf(request.headers),
          incoming?.socket ? senderOf(incoming) : UNKNOWN_SENDER,
        ))),
      refusal: null,
      signal,
      operations,
      publicUrl: publicUrl(),
      log,
    }),
    plugins: [
      jsonOnly(),
      ...limitPlugins({ introspection: development }),
      rateLimit(maskError),
      fairScheduling(maskError),
      maskValidation(maskError),
    ],
    maskedErrors: { maskError },
    maxRequestBodySize: MAX_BODY_BYTES,
    parserAndValidationCache: { documentCache: boundedCache(), errorCache: boundedCache() },
    // Credentials never come in cookies, so any page may ask, but only with a credential of its own.
    cors: { origin: '*', credentials: false, methods: ['GET', 'POST', 'OPTIONS'] },
    graphiql: development && { subscriptionsProtocol: 'WS' },
    // Carries its script with it: the default would load it from elsewhere.
    renderGraphiQL,
    landingPage: false,
    multipart: false,
    batching: false,
    logging: false,
    // The native classes: whoever passes the answer on may recognise only those.
    fetchAPI: { Headers, ReadableStream, Response, TextEncoder },
  });

  return {
    handle: async (request, bindings) => yoga.fetch(request, { incoming: bindings?.incoming }),
    attachWebSocket: (server) =>
      attachSockets(server, { path: GRAPHQL_PATH, identify, enveloped: yoga.getEnveloped, log, maskError }),
  };
}

/** Refuses a POST that is not JSON with 415: any web page can send other media types without asking (CSRF). */
function jsonOnly(): Plugin {
  return {
    onRequestParse({ request, endResponse, fetchAPI }) {
      const type = request.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
      if (request.method !== 'POST' || type === 'application/json') return;
      const error = {
        message: 'The body must be JSON, with Content-Type: application/json.',
        extensions: { code: 'INVALID_INPUT' },
      };
      endResponse(fetchAPI.Response.json({ errors: [error] }, { status: 415 }));
    },
  };
}

/** Masks the errors of validation; Yoga itself masks only what execution throws. */
function maskValidation(maskError: (error: unknown) => Error): Plugin {
  return {
    onValidate:
      () =>
      ({ valid, result, setResult }) => {
        if (!valid) setResult(result.map(maskError));
      },
  };
}

/** Keeps up to 200 values by their document, at worst 200 × 64 KiB of documents of strangers. */
function boundedCache<T extends object>() {
  const cache = createLRUCache<T>({ max: 200 });
  return {
    get: (document: string) => cache.get(document),
    set(document: string, value: T) {
      if (document.length <= MAX_KEPT_DOCUMENT) cache.set(document, value);
    },
  };
}
