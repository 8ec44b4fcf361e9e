import { ActivityFailure, ApplicationFailure, patched, sleep, TimeoutFailure } from '@temporalio/workflow';

/** Faults that may be the engine's or the file's own, by their code. */
export const ENGINE_FAULTS = ['ENGINE_CRASHED', 'INTERNAL'];

/** What Temporal leaves to `attempting`: these, and a worker that died or hung, in the words of a retry policy. */
export const COUNTED_FAULTS = [...ENGINE_FAULTS, 'TemporalTimeout:Heartbeat', 'TemporalTimeout:StartToClose'];

const ENGINE_ATTEMPTS = 4;
/** Jobs that were begun before had four attempts in all, outages included. */
const ATTEMPTS_PATCH = 'count-engine-faults';

/** Runs work up to four times. Only faults of the engine and our own count: outages are sat out below. */
export async function attempting<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isEngineFault(error) || attempt === ENGINE_ATTEMPTS || !patched(ATTEMPTS_PATCH)) throw error;
      await sleep(250 * 2 ** attempt, { summary: `before attempt ${attempt + 1}` });
    }
  }
}

function isEngineFault(error: unknown): boolean {
  if (!(error instanceof ActivityFailure)) return false;
  const { cause } = error;
  if (cause instanceof TimeoutFailure)
    return cause.timeoutType === 'HEARTBEAT' || cause.timeoutType === 'START_TO_CLOSE';
  return cause instanceof ApplicationFailure && ENGINE_FAULTS.includes(cause.type ?? '');
}
