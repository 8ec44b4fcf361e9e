import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import got, { type Request } from 'got';
import { KilnError } from '../domain/errors.ts';
import type { NetworkError } from '../domain/webhooks/webhook-profile.ts';
import { createGet, type GetAnswer, type GetRequest, type GetResult } from './follow.ts';
import type { Guard } from './guard.ts';
import { type FetchErrorReason, fetchErrorReason } from './network-error.ts';

/** One POST to an address that a user chose. */
export interface PostRequest {
  url: string;
  headers: Readonly<Record<string, string>>;
  /** Sent as it is; signatures are made over these bytes. */
  body: Uint8Array | string;
  /** Milliseconds from name resolution to the last byte of the answer; 15,000 unless given. */
  timeoutMs?: number;
  /** Bytes of the answer to keep, 64 KiB unless given; the rest is not read. */
  maxResponseBytes?: number;
  signal?: AbortSignal;
}

/** The receiver's answer. */
interface HttpAnswer {
  status: number;
  headers: Readonly<Record<string, string>>;
  /** The beginning of the body, as text. */
  body: string;
  durationMs: number;
}

/** Why no answer came, or only a part of one. */
interface NoAnswer {
  reason: NetworkError;
  durationMs: number;
}

/** Sends HTTP requests to addresses that users chose; the guard checks each. */
export interface HttpSender {
  /**
   * Sends one POST and returns the answer, or why none came. Follows no redirect, never retries.
   * @throws KilnError INVALID_INPUT for an invalid URL, INTERNAL for an invalid header, CANCELLED when `signal` aborts.
   */
  post(request: PostRequest): Promise<HttpAnswer | NoAnswer>;
  /**
   * Sends one GET and hands the answer to `receive` while it comes in; returns what that returns, or why no
   * answer came. Follows up to five redirects; the guard checks each.
   * @throws KilnError as `post` does, and whatever `receive` throws.
   */
  get<T>(request: GetRequest, receive: (answer: GetAnswer) => Promise<T>): Promise<GetResult<T>>;
  /** Destroys all connections. */
  close(): void;
}

interface HttpSenderOptions {
  guard: Guard;
  /** Kiln's own version, for the user agent. */
  version: string;
  /** Milliseconds to keep an unused connection; 30,000 unless given. */
  idleMs?: number;
}

const DEFAULT_TIMEOUT_MS = 15_000;
const MAX_RESPONSE_BYTES = 64 * 1024;
/** One slow receiver must not use up the process's file descriptors. */
const MAX_SOCKETS_PER_HOST = 32;
/** Nor must receivers that are never called again. */
const IDLE_MS = 30_000;

/** Builds a sender with its own keep-alive connections. */
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

/** Returns the first `maxBytes` of the stream; destroys it and its connection if there are more. */
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

/** Returns why a POST got no answer; a POST is never redirected. */
function reasonOf(error: unknown, signal: AbortSignal | undefined): NetworkError {
  const reason: FetchErrorReason = fetchErrorReason(error, signal);
  return reason === 'redirect' ? 'protocol' : reason;
}
