import { RequestError } from 'got';
import { KilnError } from '../domain/errors.ts';
import type { NetworkError } from '../domain/webhooks/webhook-profile.ts';

/** Why nothing was fetched; `redirect`, of a GET only: too many, or to where none may lead. */
export type FetchErrorReason = NetworkError | 'redirect';

/** An answer that arrived but cannot be used. */
export class FetchError extends Error {
  override readonly name = 'FetchError';
  readonly reason: FetchErrorReason;

  constructor(reason: FetchErrorReason) {
    super(`The answer cannot be used: ${reason}.`);
    this.reason = reason;
  }
}

/** Error codes of Node, OpenSSL, zlib and the HTTP parser by reason; the first match counts. */
const REASONS: readonly (readonly [RegExp, NetworkError])[] = [
  [/^BLOCKED_ADDRESS$/, 'blocked'],
  [/^(ENOTFOUND|EAI_\w+)$/, 'dns'],
  [/^ECONNREFUSED$/, 'refused'],
  [/^(EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN|EADDRNOTAVAIL|EACCES|EPERM)$/, 'unreachable'],
  [/^ETIMEDOUT$/, 'timeout'],
  // A mismatch is an answer that ended before its Content-Length.
  [/^(ECONNRESET|ECONNABORTED|EPIPE|ERR_STREAM_PREMATURE_CLOSE|ERR_HTTP_CONTENT_LENGTH_MISMATCH)$/, 'reset'],
  [/^HPE_HEADER_OVERFLOW$/, 'too_large'],
  [/^(HPE_\w+|Z_\w+|ERR_?_(ERROR_FORMAT|BROTLI)\w*)$/, 'protocol'],
  [/^(EPROTO|ERR_SSL_|ERR_TLS_|CERT_|CRL_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|\w*SELF_SIGNED)/, 'tls'],
];

/**
 * Returns why a request got no answer, in words that tell nothing about our network; undefined for an error
 * of our own.
 */
function networkErrorOf(error: unknown): NetworkError | undefined {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return REASONS.find(([pattern]) => pattern.test(code))?.[1];
}

/**
 * Returns why a request got no usable answer, for whatever it threw. Got's own errors carry the whole request,
 * body included: only their cause may reach a log.
 * @throws KilnError CANCELLED when `signal` was aborted; INTERNAL, or the KilnError it is, for an error of our own.
 */
export function fetchErrorReason(error: unknown, signal: AbortSignal | undefined): FetchErrorReason {
  const cause = error instanceof RequestError ? error.cause : error;
  if (signal?.aborted) throw new KilnError('CANCELLED', 'The request was cancelled.', { cause });
  if (error instanceof FetchError) return error.reason;
  const reason = networkErrorOf(error);
  if (reason) return reason;
  if (error instanceof KilnError) throw error;
  throw new KilnError('INTERNAL', 'The request could not be sent.', { cause });
}
