import { inTime } from '../../in-time.ts';
import type { Log } from '../../log.ts';
import type { WorkflowRunner } from '../workflow-runner.ts';

/** Milliseconds that a caller's answer waits for Temporal. */
const TIMEOUT_MS = 2500;

/** The calls that tell Temporal what is stored already. */
export type BestEffortRunner = Pick<
  WorkflowRunner,
  'startJob' | 'uploadCompleted' | 'startBatch' | 'signalBatch'
>;

/**
 * Builds the same calls, which wait 2.5 s at most and log an error instead of throwing it. For operations that have
 * stored their result: it is accepted, and if Temporal is away, the repair calls again later. With an error the
 * caller would send the request a second time.
 */
export function createBestEffortRunner(
  runner: BestEffortRunner,
  log: Pick<Log, 'warn'>,
  withinMs = TIMEOUT_MS,
): BestEffortRunner {
  async function warnIfLost(subject: object, call: Promise<void>): Promise<void> {
    const logged = call.catch((error: unknown) =>
      log.warn({ ...subject, error: String(error) }, 'the job engine is told later, by the repair'),
    );
    await inTime(withinMs, logged);
  }

  return {
    startJob: (start) => warnIfLost({ jobId: start.jobId }, runner.startJob(start)),
    uploadCompleted: (start) => warnIfLost({ jobId: start.jobId }, runner.uploadCompleted(start)),
    startBatch: (start) => warnIfLost({ batchId: start.batchId }, runner.startBatch(start)),
    signalBatch: (start, request) =>
      warnIfLost({ batchId: start.batchId }, runner.signalBatch(start, request)),
  };
}
