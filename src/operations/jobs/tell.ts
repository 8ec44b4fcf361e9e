import { inTime } from '../../in-time.ts';
import type { Log } from '../../log.ts';
import type { WorkflowRunner } from '../workflow-runner.ts';

/** So long an answer waits for Temporal to hear of what the database knows already. */
const TELL_MS = 2500;

/** The calls that tell Temporal what the database knows already. */
export type Tell = Pick<WorkflowRunner, 'startJob' | 'uploadCompleted' | 'startBatch' | 'nudgeBatch'>;

/**
 * The same calls for those who have written something and now answer: what is written is accepted, whether
 * Temporal hears of it at once or from the repair. A refusal would have the caller ask for it a second time.
 */
export function createTell(runner: Tell, log: Pick<Log, 'warn'>, withinMs = TELL_MS): Tell {
  async function warnIfLost(subject: object, call: Promise<void>): Promise<void> {
    const heard = call.catch((error: unknown) =>
      log.warn({ ...subject, error: String(error) }, 'the job engine is told later, by the repair'),
    );
    await inTime(withinMs, heard);
  }

  return {
    startJob: (start) => warnIfLost({ jobId: start.jobId }, runner.startJob(start)),
    uploadCompleted: (start) => warnIfLost({ jobId: start.jobId }, runner.uploadCompleted(start)),
    startBatch: (start) => warnIfLost({ batchId: start.batchId }, runner.startBatch(start)),
    nudgeBatch: (start, request) => warnIfLost({ batchId: start.batchId }, runner.nudgeBatch(start, request)),
  };
}
