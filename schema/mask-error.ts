import { randomUUID } from 'node:crypto';
import { GraphQLError } from 'graphql';
import { isErrorCode, KilnError } from '../src/domain/errors.ts';
import type { Log } from '../src/log.ts';
import { LIMIT_EXCEEDED } from './protection/excess.ts';

/** Seconds to wait before the next try, for an UNAVAILABLE that names none. */
const RETRY_SECONDS = 5;

/** Matches the offer of names that exist, which graphql-js adds: introspection by guessing. */
const SUGGESTION = /\s*Did you mean .*\?$/s;

/**
 * Decides what a caller learns of an error: a domain error by its code, a fault in the document as it is,
 * and anything else only as a correlation id under which the log has the rest.
 */
export function createMaskError({ log, suggestions }: { log: Log; suggestions: boolean }) {
  return function maskError(error: unknown): GraphQLError {
    const origin = originOf(error);
    if (origin instanceof KilnError && origin.code !== 'INTERNAL') return explained(origin, error);
    if (error instanceof GraphQLError && origin instanceof GraphQLError) {
      return coded(suggestions ? error : withoutSuggestion(error));
    }
    const correlationId = randomUUID();
    log.error({ correlationId, err: origin }, 'a GraphQL operation failed unexpectedly');
    return new GraphQLError('Something went wrong on our side.', {
      ...placeOf(error),
      extensions: {
        code: 'INTERNAL',
        correlationId,
        hint: 'Try again; if it stays, tell us the correlationId.',
      },
    });
  };
}

/** Returns the error that was thrown, without what the executor has wrapped around it. */
function originOf(error: unknown): unknown {
  return error instanceof GraphQLError && error.originalError ? originOf(error.originalError) : error;
}

function explained(origin: KilnError, error: unknown): GraphQLError {
  const { code, field, hint, retryAfterSeconds } = origin;
  return new GraphQLError(origin.message, {
    ...placeOf(error),
    extensions: {
      code,
      ...(field !== undefined && { field }),
      ...(hint !== undefined && { hint }),
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
      ...httpOf(origin),
    },
  });
}

/** Returns the HTTP status of what may be asked again later, 503 or 429; all else is 200, since clients read the body. */
function httpOf({ code, retryAfterSeconds }: KilnError) {
  if (code === 'UNAVAILABLE')
    return { http: { status: 503, headers: { 'Retry-After': String(retryAfterSeconds ?? RETRY_SECONDS) } } };
  if (retryAfterSeconds === undefined) return {};
  return { http: { status: 429, headers: { 'Retry-After': String(retryAfterSeconds) } } };
}

/** Gives an error in a document a code of ours in place of Yoga's or of none. */
function coded(error: GraphQLError): GraphQLError {
  const { extensions } = error;
  if (extensions.code === LIMIT_EXCEEDED) {
    // Yoga has marked it like a syntax error, which clients of plain JSON get with status 200.
    extensions.http = { status: 400 };
  } else if (!isErrorCode(extensions.code)) {
    extensions.code = 'INVALID_INPUT';
  }
  return error;
}

function withoutSuggestion(error: GraphQLError): GraphQLError {
  error.message = error.message.replace(SUGGESTION, '');
  return error;
}

function placeOf(error: unknown) {
  if (!(error instanceof GraphQLError)) return {};
  const { nodes, path } = error;
  return { ...(nodes && { nodes }), ...(path && { path }) };
}
