import { Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory, CancelledFailure } from '@temporalio/common';
import { ERROR_CODES, KilnError } from '../src/domain/errors.ts';

/**
 * Returns the Temporal failure for an error: its type is the code, which also says whether Temporal retries it. An
 * error that is no KilnError becomes INTERNAL. No other place makes Temporal failures.
 */
export function toFailure(error: unknown): unknown {
  if (error instanceof CancelledFailure || error instanceof ApplicationFailure) return error;
  if (error instanceof KilnError) {
    if (error.code === 'CANCELLED') return new CancelledFailure(error.message);
    return ApplicationFailure.create({
      type: error.code,
      message: error.message,
      nonRetryable: !error.retryable,
      // The caller's mistake: Temporal neither warns the operator nor counts it as a failure in its metrics.
      ...(!ERROR_CODES[error.code].retry && { category: ApplicationFailureCategory.BENIGN }),
    });
  }
  // A defect of Kiln or of the system: its text may hold paths, so it stays in the log.
  return ApplicationFailure.create({
    type: 'INTERNAL',
    message: 'The conversion did not finish because of a fault on our side.',
  });
}

type AsyncFunction = (input: never) => Promise<unknown>;

/** Returns the same functions, which throw Temporal failures only, and log unexpected errors. */
export function translateFailures<T extends Record<string, AsyncFunction>>(activities: T): T {
  const wrapped = Object.entries(activities).map(([name, run]) => [
    name,
    async (input: never) => {
      try {
        return await run(input);
      } catch (error) {
        throw translate(error);
      }
    },
  ]);
  return Object.fromEntries(wrapped);
}

function translate(error: unknown): unknown {
  const { cancellationSignal, log } = Context.current();
  // Work that is aborted may throw anything; a retry would only be aborted again.
  if (cancellationSignal.aborted) return new CancelledFailure('The work was cancelled.');
  const failure = toFailure(error);
  // Temporal gets only the code: the cause would be lost without this line.
  if (failure !== error && isUnexpected(error)) log.warn('an activity met a fault', { err: error });
  return failure;
}

function isUnexpected(error: unknown): boolean {
  return !(error instanceof KilnError) || error.code === 'INTERNAL' || error.retryable;
}
