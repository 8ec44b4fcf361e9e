import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { Got, Request } from 'got';
import { hasCode, KilnError } from '../domain/errors.ts';
import { decoded, withinBytes } from './body.ts';
import type { Guard } from './guard.ts';
import { FetchError, type FetchErrorReason, fetchErrorReason } from './network-error.ts';

/** One GET of an address that somebody else chose. */
export interface GetRequest {
  url: string;
  /** Sent to the first origin; another one gets `accept` alone. */
  headers?: Readonly<Record<string, string>>;
  /** Milliseconds for all hops together, to the last byte. */
  timeoutMs: number;
  /** Bytes of the decompressed body; above it the reason is `too_large`. */
  maxBytes: number;
  signal?: AbortSignal;
}

/** The answer at the end of all redirects. */
export interface GetAnswer {
  status: number;
  headers: Readonly<Record<string, string>>;
  /** The URL that answered. */
  url: URL;
  /** Yields the decompressed body once, until `receive` resolves. */
  body: AsyncIterable<Buffer>;
}

/** What `receive` returned, or why no answer came. */
export type GetResult<T> = { received: T } | { reason: FetchErrorReason };

interface Found {
  stream: Request;
  response: IncomingMessage;
  url: URL;
}

const MAX_REDIRECTS = 5;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** Builds `get`, which has the guard check every hop. */
export function createGet(client: Got, guard: Guard) {
  /** Follows redirects. Returns the first answer that is none. */
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
    throw new FetchError('redirect');
  }

  /**
   * Fetches `request.url` and hands the answer to `receive`. Returns what that returns, or why no answer came.
   * @throws KilnError INVALID_INPUT for an invalid URL, CANCELLED when `signal` aborts; what `receive` throws.
   */
  return async function get<T>(
    request: GetRequest,
    receive: (answer: GetAnswer) => Promise<T>,
  ): Promise<GetResult<T>> {
    const deadline = AbortSignal.timeout(request.timeoutMs);
    const signal = request.signal ? AbortSignal.any([deadline, request.signal]) : deadline;
    const reasonOf = (error: unknown): FetchErrorReason => {
      if (!request.signal?.aborted && deadline.aborted) return 'timeout';
      return fetchErrorReason(error, request.signal);
    };
    const found = await follow(request, signal).catch((error: unknown) => ({ reason: reasonOf(error) }));
    if ('reason' in found) return found;
    // When the body breaks off, that is the reason, whatever `receive` throws because of it.
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

/** Resolves with the status and headers, before the body. */
async function headOf(stream: Request): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  stream.once('response', resolve).once('error', reject);
  // Later errors reach the reader of the body; nobody reads that of a redirect.
  stream.on('error', () => undefined);
  return promise;
}

/** Returns where a redirect leads, or null when the answer is none. */
function locationOf({ statusCode = 0, headers: { location } }: IncomingMessage): string | null {
  if (location === undefined || !REDIRECTS.includes(statusCode)) return null;
  // Node decodes headers as Latin-1; a URL is UTF-8.
  return Buffer.from(location, 'latin1').toString('utf8');
}

/** Returns the next URL and its headers. @throws FetchError `redirect` when it leads from https to http. */
function nextHop(
  { url, headers }: Required<Pick<GetRequest, 'headers'>> & { url: URL },
  location: string,
  guard: Guard,
) {
  const next = guarded(() => guard.checkUrl(location, url));
  if (url.protocol === 'https:' && next.protocol === 'http:') throw new FetchError('redirect');
  const { accept } = headers;
  const kept: Record<string, string> = accept === undefined ? {} : { accept };
  return { url: next, headers: next.origin === url.origin ? headers : kept };
}

/**
 * Checks the address of a redirect: if it is invalid, that is not the caller's mistake but the reason
 * `redirect`.
 */
function guarded(check: () => URL): URL {
  try {
    return check();
  } catch (error) {
    const isInvalid = hasCode(error, 'INVALID_INPUT');
    throw isInvalid ? new FetchError('redirect') : error;
  }
}

function answerOf({ stream, response, url }: Found, maxBytes: number, broken: { by?: unknown }): GetAnswer {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers)) headers[name] = String(value);
  return { status: response.statusCode ?? 0, headers, url, body: bodyOf(stream, headers, maxBytes, broken) };
}

/**
 * Yields the decompressed body. What breaks it off is noted in `broken`.
 * @throws KilnError UNAVAILABLE then.
 */
async function* bodyOf(
  stream: Readable,
  headers: Readonly<Record<string, string>>,
  maxBytes: number,
  broken: { by?: unknown },
): AsyncGenerator<Buffer> {
  try {
    if (Number(headers['content-length'] ?? 0) > maxBytes) throw new FetchError('too_large');
    yield* withinBytes(decoded(stream, headers['content-encoding']), maxBytes);
  } catch (error) {
    broken.by = error;
    // Got's own errors carry the whole request, so the reader gets none of them.
    throw new KilnError('UNAVAILABLE', 'The source broke off.');
  }
}
