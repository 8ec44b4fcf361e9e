import type { ErrorCode, KilnError } from '../domain/errors.ts';

/** The HTTP status of each code, unless a dialect has another. */
export const HTTP_STATUS = {
  INVALID_INPUT: 400,
  INVALID_OPTION: 400,
  UNKNOWN_CONVERTER: 404,
  UNSUPPORTED_CONVERSION: 400,
  TOO_LARGE: 413,
  BLOCKED_ADDRESS: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  WRONG_STATE: 409,
  IDEMPOTENCY_CONFLICT: 409,
  INSUFFICIENT_CREDITS: 402,
  EXPIRED: 410,
  RATE_LIMITED: 429,
  UPLOAD_EXPIRED: 410,
  UPLOAD_MISSING: 409,
  SIZE_MISMATCH: 409,
  TYPE_MISMATCH: 409,
  EMPTY_FILE: 409,
  CORRUPT_INPUT: 422,
  TOO_MANY_PIXELS: 422,
  TOO_MANY_FRAMES: 422,
  NOT_SUPPORTED: 422,
  ENGINE_TIMEOUT: 422,
  RESOURCE_LIMIT: 422,
  ENGINE_CRASHED: 503,
  // The client disconnected: nobody reads this answer, but the metrics count it as the client's doing.
  CANCELLED: 400,
  INSUFFICIENT_STORAGE: 507,
  UNAVAILABLE: 503,
  INTERNAL: 500,
} as const satisfies Record<ErrorCode, number>;

const RETRY_AFTER_SECONDS = 5;

/** Returns the headers of an error's answer: no caching, and Retry-After (seconds) where asking again helps. */
export function errorHeaders(
  status: number,
  { retryAfterSeconds }: Pick<KilnError, 'retryAfterSeconds'>,
): Record<string, string> {
  const seconds = retryAfterSeconds ?? (status === 503 ? RETRY_AFTER_SECONDS : undefined);
  return { 'Cache-Control': 'no-store', ...(seconds !== undefined && { 'Retry-After': String(seconds) }) };
}
