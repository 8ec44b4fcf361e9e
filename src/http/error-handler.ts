import type { Context } from 'hono';
import { KilnError } from '../domain/errors.ts';
import { newId } from '../domain/id.ts';
import type { Log } from '../log.ts';
import { answerError, answerKilnError } from './errors.ts';
import { routeOf } from './middleware.ts';
import type { HttpEnv } from './signed-path.ts';

/** Builds the handler that answers what a route threw. `translate` answers a KilnError in the API's own format. */
export function createErrorHandler(log: Pick<Log, 'warn' | 'error'>, translate = answerKilnError) {
  return function answer(error: Error, c: Context<HttpEnv>): Response {
    if (!(error instanceof KilnError) || error.code === 'INTERNAL') return answerUnexpected(error, c);
    const response = translate(error);
    if (response.status >= 500) {
      log.warn(
        { err: error.cause ?? error, code: error.code, route: routeOf(c) },
        'a request could not be served',
      );
    }
    return response;
  };

  /** Answers 500 with an id to quote, and logs the reason under that id. */
  function answerUnexpected(error: Error, c: Context<HttpEnv>): Response {
    const correlationId = newId();
    const { incoming } = c.env;
    const hasLeft = incoming.destroyed && !incoming.complete;
    if (!hasLeft) {
      log.error(
        { err: error, correlationId, method: c.req.method, route: routeOf(c) },
        'a request failed unexpectedly',
      );
    }
    return answerError({
      status: 500,
      code: 'INTERNAL',
      message: 'Something went wrong on our side.',
      correlationId,
    });
  }
}
