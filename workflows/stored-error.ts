import { ApplicationFailure } from '@temporalio/workflow';
import type { StoredError } from '../src/domain/jobs/job.ts';
import { causeOf } from './proxies.ts';

/** Returns the code and message of an error from activities/failure.ts, else INTERNAL. */
export function storedErrorOf(error: unknown): StoredError {
  const cause = causeOf(error);
  if (cause instanceof ApplicationFailure && cause.type)
    return { code: cause.type as StoredError['code'], message: cause.message };
  return { code: 'INTERNAL', message: 'The conversion did not finish because of a fault on our side.' };
}
