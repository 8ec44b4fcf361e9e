import type { ConversionError, ErrorCode } from '../domain/errors.ts';

/** How Kiln's own HTTP routes speak of failures. Dialects have tables of their own. */
const STATUS: Readonly<Record<ErrorCode, number>> = {
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
  // The client went away: nobody reads this answer, but the metrics count it as the client's doing.
  CANCELLED: 400,
  INSUFFICIENT_STORAGE: 507,
  UNAVAILABLE: 503,
  INTERNAL: 500,
};

const RETRY_AFTER_SECONDS = 5;

/** A code of the domain, or one that only exists at the level of HTTP. */
export type AnswerCode = ErrorCode | 'METHOD_NOT_ALLOWED' | 'RANGE_NOT_SATISFIABLE';

interface ErrorAnswer {
  status: number;
  code: AnswerCode;
  message: string;
  field?: string | undefined;
  hint?: string | undefined;
  correlationId?: string;
  headers?: Record<string, string>;
}

/** The one shape of every error body of Kiln's own routes. */
export function answerError({ status, headers, ...error }: ErrorAnswer): Response {
  return Response.json({ error }, { status, headers: { 'Cache-Control': 'no-store', ...headers } });
}

/** Answers what a caller may know about a failure. */
export function answerFault({ code, message, field, hint, retryAfterSeconds }: ConversionError): Response {
  const status = STATUS[code];
  const headers: Record<string, string> = {};
  if (status === 503) headers['Retry-After'] = String(RETRY_AFTER_SECONDS);
  if (retryAfterSeconds !== undefined) headers['Retry-After'] = String(retryAfterSeconds);
  return answerError({ status, code, message, field, hint, headers });
}

/** Answers a method that a known path does not have. */
export function answerMethod(...allowed: string[]): Response {
  const message = `This address takes ${allowed.join(' or ')} only.`;
  return answerError({
    status: 405,
    code: 'METHOD_NOT_ALLOWED',
    message,
    headers: { Allow: allowed.join(', ') },
  });
}
