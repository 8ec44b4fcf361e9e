import type { ErrorCode, KilnError } from '../domain/errors.ts';
import { errorHeaders, HTTP_STATUS } from './status.ts';

/** A code of the domain, or one that only HTTP has. */
type AnswerCode = ErrorCode | 'METHOD_NOT_ALLOWED' | 'RANGE_NOT_SATISFIABLE';

interface ErrorAnswer {
  status: number;
  code: AnswerCode;
  message: string;
  field?: string | undefined;
  hint?: string | undefined;
  correlationId?: string;
  headers?: Record<string, string>;
}

/** Answers with an error body; all of Kiln's own routes have this one shape. */
export function answerError({ status, headers, ...error }: ErrorAnswer): Response {
  return Response.json({ error }, { status, headers: { 'Cache-Control': 'no-store', ...headers } });
}

/** Answers with what a caller may know of an error. */
export function answerKilnError(error: KilnError): Response {
  const { code, message, field, hint } = error;
  const status = HTTP_STATUS[code];
  return answerError({ status, code, message, field, hint, headers: errorHeaders(status, error) });
}

/** Answers 405 for a method that a known path does not have. */
export function answerMethod(...allowed: string[]): Response {
  const message = `This address takes ${allowed.join(' or ')} only.`;
  return answerError({
    status: 405,
    code: 'METHOD_NOT_ALLOWED',
    message,
    headers: { Allow: allowed.join(', ') },
  });
}
