import type { ErrorCode, KilnError } from '../../domain/errors.ts';
import { errorHeaders, HTTP_STATUS } from '../../http/status.ts';

const STATUS: Readonly<Record<ErrorCode, number>> = {
  ...HTTP_STATUS,
  // The slug names a converter, so a pair that cannot be converted is a converter that does not exist.
  UNSUPPORTED_CONVERSION: 404,
  // This API has no 422 and no 507.
  CORRUPT_INPUT: 409,
  TOO_MANY_PIXELS: 409,
  TOO_MANY_FRAMES: 409,
  NOT_SUPPORTED: 409,
  ENGINE_TIMEOUT: 409,
  RESOURCE_LIMIT: 409,
  CANCELLED: 409,
  INSUFFICIENT_STORAGE: 503,
};

/** This dialect's names for fields that Kiln calls otherwise. */
const FIELDS: Readonly<Record<string, string>> = {
  filename: 'inputFilename',
  mime: 'inputMime',
  size: 'inputSize',
  target: 'converterSlug',
  source: 'converterSlug',
  idempotencyKey: 'Idempotency-Key',
};

/** Answers in this dialect's error envelope: `{"error":{"code","message"}}`, with field and hint where there are any. */
export function answerKilnError(error: KilnError): Response {
  const { code, message, field, hint } = error;
  const status = STATUS[code];
  const headers = { ...errorHeaders(status, error), ...(status === 401 && { 'WWW-Authenticate': 'Bearer' }) };
  return Response.json(
    { error: { code, message, field: field && ownName(field), hint } },
    { status, headers },
  );
}

/** Returns the dialect's name of a field; renames the last part of a path such as `jobs.3.filename`. */
function ownName(field: string): string {
  return field.replace(/[^.]+$/, (last) => FIELDS[last] ?? last);
}
