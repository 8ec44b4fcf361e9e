import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { Got, Request } from 'got';
import { KilnError } from '../domain/errors.ts';
import { decoded, withinBytes } from './body.ts';
import type { Guard } from './guard.ts';
import { type FetchFault, FetchProblem, faultOf } from './network-error.ts';

/** One GET of an address that somebody else chose. */
export interface GetRequest {
  url: string;
  /** Told to the first origin only: on another one of them only `accept` is left. */
  headers?: Readonly<Record<string, string>>;
  /** For everything together, over all hops, to the last byte. */
  timeoutMs: number;
  /** Of the body, decoded. */
  maxBytes: number;
  signal?: AbortSignal;
}

/** What was found at the end of all redirects. */
export interface GetAnswer {
  status: number;
  headers: Readonly<Record<string, string>>;
  /** Where it was found. */
  url: URL;
  /** To be read once, while the answer is received. */
  body: AsyncIterable<Buffer>;
}

/** What the receiver made of an answer, or why there was none. */
export type GetResult<T> = { received: T } | { reason: FetchFault };

interface Found {
  stream: Request;
  response: IncomingMessage;
  url: URL;
}

const MAX_REDIRECTS = 5;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** Builds a GET that passes the guard again at each hop. */
export function createGet(client: Got, guard: Guard) {
  async function follow({ url, headers = {} }: GetRequest, signal: AbortSignal): Promise<Found> {
    let hop = { url: guard.checkUrl(url), headers };
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
      const stream = client.stream.get(hop.url, { headers: hop.headers, signal });
      const response = await headOf(stream);
      const location = locationOf(response);
      if (location === null) return { stream, response, url: hop.url };
      stream.destroy();
      hop = nextHop(hop, location, guard);
    }
    throw new FetchProblem('redirect');
  }

  /**
   * Whatever the network does is a result; what `receive` throws is thrown.
   * @throws KilnError INVALID_INPUT for a faulty URL, CANCELLED when `signal` aborts.
   */
  return async function get<T>(
    request: GetRequest,
    receive: (answer: GetAnswer) => Promise<T>,
  ): Promise<GetResult<T>> {
    const deadline = AbortSignal.timeout(request.timeoutMs);
    const signal = request.signal ? AbortSignal.any([deadline, request.signal]) : deadline;
    const reasonOf = (error: unknown): FetchFault => {
      if (!request.signal?.aborted && deadline.aborted) return 'timeout';
      return faultOf(error, request.signal);
    };
    const found = await follow(request, signal).catch((error: unknown) => ({ reason: reasonOf(error) }));
    if ('reason' in found) return found;
    // What breaks the body off is not the receiver's fault, whatever it makes of it.
    const broken: { by?: unknown } = {};
    try {
      return { received: await receive(answerOf(found, request.maxBytes, broken)) };
    } catch (error) {
      if ('by' in broken) return { reason: reasonOf(broken.by) };
      throw error;
    } finally {
      found.stream.destroy();
    }
  };
}

/** Resolves when status and headers have come. */
async function headOf(stream: Request): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  stream.once('response', resolve).once('error', reject);
  // Whoever reads the body hears of later errors; nobody reads that of a redirect.
  stream.on('error', () => undefined);
  return promise;
}

function locationOf({ statusCode = 0, headers: { location } }: IncomingMessage): string | null {
  if (location === undefined || !REDIRECTS.includes(statusCode)) return null;
  // HTTP hands headers over byte by byte; a URL is text.
  return Buffer.from(location, 'latin1').toString('utf8');
}

function nextHop(
  { url, headers }: Required<Pick<GetRequest, 'headers'>> & { url: URL },
  location: string,
  guard: Guard,
) {
  const next = guarded(() => guard.checkUrl(location, url));
  if (url.protocol === 'https:' && next.protocol === 'http:') throw new FetchProblem('redirect');
  const { accept } = headers;
  const kept: Record<string, string> = accept === undefined ? {} : { accept };
  return { url: next, headers: next.origin === url.origin ? headers : kept };
}

/** A faulty address is the caller's fault only where the caller wrote it. */
function guarded(check: () => URL): URL {
  try {
    return check();
  } catch (error) {
    const isFaulty = error instanceof KilnError && error.code === 'INVALID_INPUT';
    throw isFaulty ? new FetchProblem('redirect') : error;
  }
}

function answerOf({ stream, response, url }: Found, maxBytes: number, broken: { by?: unknown }): GetAnswer {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers)) headers[name] = String(value);
  return { status: response.statusCode ?? 0, headers, url, body: bodyOf(stream, headers, maxBytes, broken) };
}

async function* bodyOf(
  stream: Readable,
  headers: Readonly<Record<string, string>>,
  maxBytes: number,
  broken: { by?: unknown },
): AsyncGenerator<Buffer> {
  try {
    if (Number(headers['content-length'] ?? 0) > maxBytes) throw new FetchProblem('too_large');
    yield* withinBytes(decoded(stream, headers['content-encoding']), maxBytes);
  } catch (error) {
    broken.by = error;
    // Got's own errors carry the whole request: the reader is told of none.
    throw new KilnError('UNAVAILABLE', 'The source broke off.');
  }
}
