import type { NetworkError } from '../domain/webhook-profile.ts';

/** First match wins. Codes are Node's, OpenSSL's and the HTTP parser's. */
const REASONS: readonly (readonly [RegExp, NetworkError])[] = [
  [/^BLOCKED_ADDRESS$/, 'blocked'],
  [/^(ENOTFOUND|EAI_\w+)$/, 'dns'],
  [/^ECONNREFUSED$/, 'refused'],
  [/^(EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN|EADDRNOTAVAIL|EACCES|EPERM)$/, 'unreachable'],
  [/^ETIMEDOUT$/, 'timeout'],
  // A mismatch is an answer that ended before the length it had announced.
  [/^(ECONNRESET|ECONNABORTED|EPIPE|ERR_STREAM_PREMATURE_CLOSE|ERR_HTTP_CONTENT_LENGTH_MISMATCH)$/, 'reset'],
  [/^HPE_HEADER_OVERFLOW$/, 'too_large'],
  [/^HPE_\w+$/, 'protocol'],
  [/^(EPROTO|ERR_SSL_|ERR_TLS_|CERT_|CRL_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|\w*SELF_SIGNED)/, 'tls'],
];

/** Why a request failed, in words that tell nothing about our network; undefined for a fault of our own. */
export function networkErrorOf(error: unknown): NetworkError | undefined {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return REASONS.find(([pattern]) => pattern.test(code))?.[1];
}
