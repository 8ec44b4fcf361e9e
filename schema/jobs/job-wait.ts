import { KilnError } from '../../src/domain/errors.ts';
import type { Job as JobRecord } from '../../src/domain/jobs/job.ts';
import type { KilnContext } from '../context.ts';

const MAX_WAIT_MS = 30_000;

/** Describes the argument `wait`, in milliseconds. */
export const WAIT = `Milliseconds to wait for the end before answering, at most ${MAX_WAIT_MS}`;

/** Returns the milliseconds to wait, 0 when nothing is given. @throws KilnError INVALID_INPUT */
export function requireWait(wait: number | null | undefined): number {
  const waitMs = wait ?? 0;
  if (waitMs >= 0 && waitMs <= MAX_WAIT_MS) return waitMs;
  throw new KilnError('INVALID_INPUT', `\`wait\` must be 0 to ${MAX_WAIT_MS} milliseconds.`, {
    field: 'wait',
  });
}

/** Returns the job as it is once it has ended or `waitMs` milliseconds are over, whichever comes first. */
export async function settle(
  { operations, caller }: KilnContext,
  job: JobRecord,
  waitMs: number,
): Promise<JobRecord> {
  if (waitMs === 0) return job;
  // The job is accepted: whoever cannot be shown its end is shown the job.
  return operations.waitForJob(caller, job._id, waitMs).catch((error: unknown) => {
    if (error instanceof KilnError && error.retryable) return job;
    throw error;
  });
}
