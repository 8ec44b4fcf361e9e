import type { ConversionError, ErrorCode } from '../../domain/errors.ts';

const STATUS: Readonly<Record<ErrorCode, number>> = {
  INVALID_INPUT: 400,
  INVALID_OPTION: 400,
  // The slug names the converter, so a pair that cannot be converted is a converter that is not there.
  UNKNOWN_CONVERTER: 404,
  UNSUPPORTED_CONVERSION: 404,
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
  CORRUPT_INPUT: 409,
  TOO_MANY_PIXELS: 409,
  TOO_MANY_FRAMES: 409,
  NOT_SUPPORTED: 409,
  ENGINE_TIMEOUT: 409,
  RESOURCE_LIMIT: 409,
  ENGINE_CRASHED: 503,
  CANCELLED: 409,
  INSUFFICIENT_STORAGE: 503,
  UNAVAILABLE: 503,
  INTERNAL: 500,
};

/** Names of our own fields that this dialect calls otherwise. */
const FIELDS: Readonly<Record<string, string>> = {
  filename: 'inputFilename',
  mime: 'inputMime',
  size: 'inputSize',
  target: 'converterSlug',
  source: 'converterSlug',
};

const RETRY_AFTER_SECONDS = 5;

/** The error envelope of this dialect: `{"error":{"code","message"}}`, with field and hint where they help. */
export function answerFault({ code, message, field, hint, retryAfterSeconds }: ConversionError): Response {
  const status = STATUS[code];
  const error = { code, message, field: field && ownName(field), hint };
  return Response.json({ error }, { status, headers: headersFor(status, retryAfterSeconds) });
}

/** `jobs.3.filename` is renamed like `filename`. */
function ownName(field: string): string {
  return field.replace(/[^.]+$/, (last) => FIELDS[last] ?? last);
}

function headersFor(status: number, retryAfterSeconds: number | undefined): Record<string, string> {
  const headers: Record<string, string> = { 'Cache-Control': 'no-store' };
  if (status === 503) headers['Retry-After'] = String(RETRY_AFTER_SECONDS);
  if (retryAfterSeconds !== undefined) headers['Retry-After'] = String(retryAfterSeconds);
  if (status === 401) headers['WWW-Authenticate'] = 'Bearer';
  return headers;
}
