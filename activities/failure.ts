import { Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory, CancelledFailure } from '@temporalio/common';
import { ERROR_CODES, KilnError } from '../src/domain/errors.ts';

/** The only place where our errors become Temporal's: type = code, retryability looked up from the code. */
export function toFailure(error: unknown): unknown {
  if (error instanceof CancelledFailure || error instanceof ApplicationFailure) return error;
  if (error instanceof KilnError) {
    if (error.code === 'CANCELLED') return new CancelledFailure(error.message);
    return ApplicationFailure.create({
      type: error.code,
      message: error.message,
      nonRetryable: !error.retryable,
      // A caller's bad file is his to hear of: no warning for the operator, and no failure in the metrics.
      ...(!ERROR_CODES[error.code].retry && { category: ApplicationFailureCategory.BENIGN }),
    });
  }
  // Our own defect or a surprise of the system: its text may hold paths, so it stays in the log.
  return ApplicationFailure.create({
    type: 'INTERNAL',
    message: 'The conversion did not finish because of a fault on our side.',
  });
}

type AsyncFunction = (input: never) => Promise<unknown>;

/** The same functions, which throw nothing but Temporal failures. */
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
  // What is torn down half-way may complain of anything; tried again it would only be torn down again.
  if (cancellationSignal.aborted) return new CancelledFailure('The work was cancelled.');
  const failure = toFailure(error);
  // Temporal is told the code only: what really happened would be lost without this line.
  if (failure !== error && isUnexpected(error)) log.warn('an activity met a fault', { err: error });
  return failure;
}

function isUnexpected(error: unknown): boolean {
  return !(error instanceof KilnError) || error.code === 'INTERNAL' || error.retryable;
}
