import { RequestError } from 'got';
import { KilnError } from '../domain/errors.ts';
import type { NetworkError } from '../domain/webhooks/webhook-profile.ts';

/** Why nothing was fetched; only a GET is ever redirected. */
export type FetchFault = NetworkError | 'redirect';

/** Something that is wrong with an answer although the network carried it well. */
export class FetchProblem extends Error {
  override readonly name = 'FetchProblem';
  readonly reason: FetchFault;

  constructor(reason: FetchFault) {
    super(`The answer cannot be used: ${reason}.`);
    this.reason = reason;
  }
}

/** First match wins. Codes are Node's, OpenSSL's, zlib's and the HTTP parser's. */
const REASONS: readonly (readonly [RegExp, NetworkError])[] = [
  [/^BLOCKED_ADDRESS$/, 'blocked'],
  [/^(ENOTFOUND|EAI_\w+)$/, 'dns'],
  [/^ECONNREFUSED$/, 'refused'],
  [/^(EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN|EADDRNOTAVAIL|EACCES|EPERM)$/, 'unreachable'],
  [/^ETIMEDOUT$/, 'timeout'],
  // A mismatch is an answer that ended before the length it had announced.
  [/^(ECONNRESET|ECONNABORTED|EPIPE|ERR_STREAM_PREMATURE_CLOSE|ERR_HTTP_CONTENT_LENGTH_MISMATCH)$/, 'reset'],
  [/^HPE_HEADER_OVERFLOW$/, 'too_large'],
  [/^(HPE_\w+|Z_\w+|ERR_?_(ERROR_FORMAT|BROTLI)\w*)$/, 'protocol'],
  [/^(EPROTO|ERR_SSL_|ERR_TLS_|CERT_|CRL_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|\w*SELF_SIGNED)/, 'tls'],
];

/** Why a request failed, in words that tell nothing about our network; undefined for a fault of our own. */
export function networkErrorOf(error: unknown): NetworkError | undefined {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return REASONS.find(([pattern]) => pattern.test(code))?.[1];
}

/**
 * The same for whatever a request may throw. Got's own errors carry the whole request, body included:
 * only what lies beneath may reach a log.
 * @throws KilnError CANCELLED when `signal` was aborted, or what is a fault of our own.
 */
export function faultOf(error: unknown, signal: AbortSignal | undefined): FetchFault {
  const cause = error instanceof RequestError ? error.cause : error;
  if (signal?.aborted) throw new KilnError('CANCELLED', 'The request was cancelled.', { cause });
  if (error instanceof FetchProblem) return error.reason;
  const reason = networkErrorOf(error);
  if (reason) return reason;
  if (error instanceof KilnError) throw error;
  throw new KilnError('INTERNAL', 'The request could not be sent.', { cause });
}
