import { ActivityFailure, ApplicationFailure, patched, sleep, TimeoutFailure } from '@temporalio/workflow';

/** Error codes for which the engine, or the file itself, may be to blame. */
export const ENGINE_ERRORS = ['ENGINE_CRASHED', 'INTERNAL'];

/**
 * What Temporal does not retry itself: the codes above, and timeouts of a dead or hung worker. `attempting`
 * counts them.
 */
export const COUNTED_ERRORS = [...ENGINE_ERRORS, 'TemporalTimeout:Heartbeat', 'TemporalTimeout:StartToClose'];

const ENGINE_ATTEMPTS = 4;
/** Workflows started before this patch have four attempts in all, outages included. */
const ATTEMPTS_PATCH = 'count-engine-faults';

/**
 * Runs `work` up to four times, while it fails by the engine or by Kiln; other errors are thrown at once.
 * Outages do not count: Temporal retries those.
 */
export async function attempting<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isEngineError(error) || attempt === ENGINE_ATTEMPTS || !patched(ATTEMPTS_PATCH)) throw error;
      await sleep(250 * 2 ** attempt, { summary: `before attempt ${attempt + 1}` });
    }
  }
}

function isEngineError(error: unknown): boolean {
  if (!(error instanceof ActivityFailure)) return false;
  const { cause } = error;
  if (cause instanceof TimeoutFailure)
    return cause.timeoutType === 'HEARTBEAT' || cause.timeoutType === 'START_TO_CLOSE';
  return cause instanceof ApplicationFailure && ENGINE_ERRORS.includes(cause.type ?? '');
}
