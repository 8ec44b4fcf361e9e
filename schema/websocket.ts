import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  type ExecutionArgs,
  type FormattedExecutionResult,
  GraphQLError,
  type GraphQLFormattedError,
} from 'graphql';
import {
  CloseCode,
  type ConnectionInitMessage,
  type Context,
  type ExecutionResult,
  handleProtocols,
  makeServer,
  type SubscribePayload,
} from 'graphql-ws';
import type { YogaServerInstance } from 'graphql-yoga';
import { type WebSocket, WebSocketServer } from 'ws';
import { credentialOf, senderOf } from '../src/http/credential.ts';
import type { Log } from '../src/log.ts';
import type { KilnContext } from './context.ts';
import { type Identify, type Identity, isRefusal, RECHECK_MS } from './identity.ts';
import { LIMIT_EXCEEDED } from './protection/excess.ts';
import { serveSocket } from './socket.ts';

/** The largest request in one frame; the body of an HTTP request may be larger. */
export const MAX_MESSAGE_BYTES = 256 * 1024;
/** Operations of one socket at a time. */
export const MAX_OPERATIONS = 100;
/** Operations at a time over all sockets of one address that showed no credential of an account. */
const MAX_KEYLESS_OPERATIONS = 300;

const INIT_TIMEOUT_MS = 5000;

type Yoga = YogaServerInstance<{ identity?: Identity; signal?: AbortSignal }, KilnContext>;
type SocketContext = Context<ConnectionParams, Peer>;
type ConnectionParams = ConnectionInitMessage['payload'];

/** What is known of a socket. */
interface Peer {
  request: IncomingMessage;
  socket: WebSocket;
  /** Aborted when it has closed. */
  gone: AbortSignal;
  /** Unknown until the first message has come. */
  identity: Identity | null;
}

/** What graphql-ws needs of the server that also answers HTTP. */
interface SocketPorts {
  path: string;
  identify: Identify;
  enveloped: Yoga['getEnveloped'];
  maskError: (error: unknown) => GraphQLError;
  log: Log;
}

/** Serves graphql-ws on the upgrades of an HTTP server. */
export function attachSockets(server: Server, ports: SocketPorts): void {
  const service = createSocketService(ports);
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES, handleProtocols });
  sockets.on('connection', (socket, request) => {
    const gone = new AbortController();
    socket.once('close', () => gone.abort());
    serveSocket(
      service,
      socket,
      { request, socket, gone: gone.signal, identity: null },
      { who: request.socket.remoteAddress ?? '', log: ports.log },
    );
  });
  server.on('upgrade', upgrader(sockets, ports.path));
}

function createSocketService({ identify, enveloped, maskError }: SocketPorts) {
  const { execute, subscribe } = enveloped({});
  const open = new Set<Pick<SocketContext, 'extra' | 'subscriptions'>>();
  const keylessAt = (address: string | undefined) =>
    [...open]
      .filter(({ extra }) => extra.request.socket.remoteAddress === address && isKeyless(extra))
      .reduce((sum, { subscriptions }) => sum + Object.keys(subscriptions).length, 0);
  return makeServer<ConnectionParams, Peer>({
    execute,
    subscribe,
    connectionInitWaitTimeout: INIT_TIMEOUT_MS,
    async onConnect(context) {
      const { connectionParams, extra } = context;
      try {
        const credential = credentialOf(credentialHeaders(connectionParams, extra.request));
        extra.identity = await identify(credential, senderOf(extra.request));
        closeOnceRefused(extra.socket, extra.identity, maskError);
        open.add(context);
        return true;
      } catch (error) {
        extra.socket.close(...refusalOf(error, maskError));
        return false;
      }
    },
    onClose: (context) => void open.delete(context),
    onSubscribe({ extra, subscriptions }, _id, params) {
      if (Object.keys(subscriptions).length > MAX_OPERATIONS)
        return [tooMany(`A socket carries at most ${MAX_OPERATIONS} operations at a time.`)];
      if (isKeyless(extra) && keylessAt(extra.request.socket.remoteAddress) > MAX_KEYLESS_OPERATIONS)
        return [
          tooMany(
            `At most ${MAX_KEYLESS_OPERATIONS} operations without a key may be under way at an address. Use an API key.`,
          ),
        ];
      return prepare(enveloped, maskError, extra, params);
    },
    onError: (_connection, _id, _params, errors) => errors.map(shown),
    onNext: (_connection, _id, _params, _args, result) => shownResult(result),
  });
}

function upgrader(sockets: WebSocketServer, path: string) {
  return (request: IncomingMessage, connection: Duplex, head: Buffer) => {
    const pathname = URL.parse(request.url ?? '', 'http://localhost')?.pathname.replace(/\/+$/, '');
    if (pathname !== path) {
      connection.on('error', () => connection.destroy());
      connection.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, connection, head, (socket) => sockets.emit('connection', socket, request));
  };
}

/** Reads the credential from `{ apiKey }` or `{ authorization }` of the first message, since browsers cannot set headers, else from the headers. */
function credentialHeaders(params: ConnectionParams, { headers }: IncomingMessage) {
  const headerValues: Readonly<Record<string, unknown>> = {
    'X-API-Key': params?.apiKey ?? headers['x-api-key'],
    Authorization: params?.authorization ?? headers.authorization,
  };
  return {
    get(name: string): string | undefined {
      const value = headerValues[name];
      // Something that is no string was meant as a credential: it is refused, not overlooked.
      return value === undefined || value === null ? undefined : String(value);
    },
  };
}

/** Closes the socket, with all that runs on it, within seconds of its credential being revoked. */
function closeOnceRefused(
  socket: WebSocket,
  { recheck }: Identity,
  maskError: SocketPorts['maskError'],
): void {
  const timer = setInterval(() => {
    recheck().catch((error: unknown) => {
      if (isRefusal(error)) socket.close(...refusalOf(error, maskError));
    });
  }, RECHECK_MS);
  socket.once('close', () => clearInterval(timer));
}

function refusalOf(error: unknown, maskError: SocketPorts['maskError']): [code: number, reason: string] {
  return [isRefusal(error) ? CloseCode.Forbidden : CloseCode.InternalServerError, maskError(error).message];
}

async function prepare(
  enveloped: SocketPorts['enveloped'],
  maskError: SocketPorts['maskError'],
  { identity, gone }: Peer,
  params: SubscribePayload,
): Promise<ExecutionArgs | readonly GraphQLError[]> {
  try {
    const { parse, validate, contextFactory, schema } = enveloped({
      ...(identity && { identity }),
      signal: gone,
      params,
    });
    const document = parse(params.query);
    const errors = validate(schema, document);
    if (errors.length > 0) return errors;
    return {
      schema,
      document,
      contextValue: await contextFactory(),
      variableValues: params.variables ?? null,
      operationName: params.operationName ?? null,
    };
  } catch (error) {
    return [maskError(error)];
  }
}

/** Whether a socket speaks for no account, and for nobody before it has said for whom. */
function isKeyless({ identity }: Peer): boolean {
  return identity === null || (identity.actor.kind !== 'admin' && identity.caller.kind !== 'account');
}

function tooMany(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: LIMIT_EXCEEDED } });
}

function shownResult({ data, errors }: ExecutionResult): FormattedExecutionResult {
  return { ...(data !== undefined && { data }), ...(errors && { errors: errors.map(shown) }) };
}

/** Returns the error without the status that it would have over HTTP. */
function shown(error: GraphQLError): GraphQLFormattedError {
  const { extensions = {}, ...rest } = error.toJSON();
  const { http: _, ...visible } = extensions;
  return { ...rest, extensions: visible };
}
