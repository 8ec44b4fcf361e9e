import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import got, { type Request } from 'got';
import { KilnError } from '../domain/errors.ts';
import type { NetworkError } from '../domain/webhooks/webhook-profile.ts';
import { createGet, type GetAnswer, type GetRequest, type GetResult } from './follow.ts';
import type { Guard } from './guard.ts';
import { type FetchFault, faultOf } from './network-error.ts';

/** One POST to an address that a user chose. */
export interface PostRequest {
  url: string;
  headers: Readonly<Record<string, string>>;
  /** Sent as it is; signatures are made over these bytes. */
  body: Uint8Array | string;
  /** For everything together, from name resolution to the last byte of the answer. */
  timeoutMs?: number;
  /** Bytes of the answer to keep; the rest is not read. */
  maxResponseBytes?: number;
  signal?: AbortSignal;
}

/** What the receiver answered. */
export interface HttpAnswer {
  status: number;
  headers: Readonly<Record<string, string>>;
  /** The head of the answer as text. */
  body: string;
  durationMs: number;
}

/** No answer came, or only a part of one. */
export interface HttpFailure {
  reason: NetworkError;
  durationMs: number;
}

/** Sends requests to the outside, past the guard. */
export interface HttpSender {
  /**
   * Never follows a redirect, never retries; whatever the network does is a result.
   * @throws KilnError INVALID_INPUT for a faulty URL, CANCELLED when `signal` aborts.
   */
  post(request: PostRequest): Promise<HttpAnswer | HttpFailure>;
  /**
   * Follows up to five redirects, each past the guard; hands the answer to `receive` while it comes in.
   * @throws KilnError as `post` does, and whatever `receive` throws.
   */
  get<T>(request: GetRequest, receive: (answer: GetAnswer) => Promise<T>): Promise<GetResult<T>>;
  /** Ends all connections. */
  close(): void;
}

/** What a sender is built from. */
export interface HttpSenderOptions {
  guard: Guard;
  /** Kiln's own version, for the user agent. */
  version: string;
  /** How long a connection is kept that nobody uses. */
  idleMs?: number;
}

const DEFAULT_TIMEOUT_MS = 15_000;
const MAX_RESPONSE_BYTES = 64 * 1024;
/** One slow receiver must not use up the file descriptors of the process. */
const MAX_SOCKETS_PER_HOST = 32;
/** Nor must those to receivers that are never called again. */
const IDLE_MS = 30_000;

/** Builds a sender with keep-alive connections of its own. */
export function createHttpSender({ guard, version, idleMs = IDLE_MS }: HttpSenderOptions): HttpSender {
  // The agent closes an unused connection when its time is up; a request has a time of its own.
  const agents = { keepAlive: true, maxSockets: MAX_SOCKETS_PER_HOST, timeout: idleMs };
  const agent = { http: new HttpAgent(agents), https: new HttpsAgent(agents) };
  const client = got.extend({
    agent,
    enableUnixSockets: false,
    dnsLookup: guard.lookup,
    followRedirect: false,
    throwHttpErrors: false,
    // A few compressed bytes could otherwise become gigabytes.
    decompress: false,
    retry: { limit: 0 },
    headers: { 'user-agent': `Kiln/${version}`, 'accept-encoding': 'identity' },
  });

  return {
    async post(request) {
      const started = performance.now();
      const durationMs = () => Math.round(performance.now() - started);
      try {
        const url = guard.checkUrl(request.url);
        const { headers, body, signal, timeoutMs = DEFAULT_TIMEOUT_MS } = request;
        const timeout = { request: timeoutMs };
        const stream = client.stream.post(url, { headers, body, timeout, ...(signal && { signal }) });
        const answer = await readAnswer(stream, request.maxResponseBytes ?? MAX_RESPONSE_BYTES);
        return { ...answer, durationMs: durationMs() };
      } catch (error) {
        return { reason: reasonOf(error, request.signal), durationMs: durationMs() };
      }
    },

    get: createGet(client, guard),

    close() {
      agent.http.destroy();
      agent.https.destroy();
    },
  };
}

async function readAnswer(stream: Request, maxBytes: number): Promise<Omit<HttpAnswer, 'durationMs'>> {
  const head = await readHead(stream, maxBytes);
  const { response } = stream;
  if (!response) throw new KilnError('INTERNAL', 'The answer has no head.');
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers)) headers[name] = String(value);
  return { status: response.statusCode, headers, body: head.toString('utf8') };
}

/** Leaving the loop early destroys the stream and its connection. */
async function readHead(stream: Request, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= maxBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, maxBytes);
}

/** Redirects are not followed, so they are no reason. */
function reasonOf(error: unknown, signal: AbortSignal | undefined): NetworkError {
  const reason: FetchFault = faultOf(error, signal);
  return reason === 'redirect' ? 'protocol' : reason;
}
