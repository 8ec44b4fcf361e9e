import {
  ActivityFailure,
  type ActivityOptions,
  ApplicationFailure,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
  TimeoutFailure,
  workflowInfo,
} from '@temporalio/workflow';
import type { AcquiredFile } from '../activities/acquire.ts';
import type { Waiting } from '../activities/admit.ts';
import type { ConvertedFile } from '../activities/convert.ts';
import type { Activities } from '../activities/index.ts';
import type { Queues } from '../src/temporal/queues.ts';
import { attempting, COUNTED_ERRORS, ENGINE_ERRORS } from './attempts.ts';
import { summaryOf } from './summary.ts';

/** Temporal gives up on an activity's worker after this much silence. */
const HEARTBEAT_TIMEOUT = '10s';

/** Returns the name of a sibling queue: it has the prefix of the queue that this workflow runs on. */
function queue(name: keyof Queues): string {
  return workflowInfo().taskQueue.replace(/-(?:jobs|webhook)$/, `-${name}`);
}

/**
 * Runs database activities locally for up to five seconds, which costs no round trip through Temporal.
 * `maximumAttempts` is needed too, because the deadline does not end a pause between two attempts. No attempt has
 * a deadline of its own: if it came at the same instant as the total one, a second attempt would follow.
 */
const local = proxyLocalActivities<Activities>({
  scheduleToCloseTimeout: '5s',
  retry: { initialInterval: '100ms', maximumInterval: '1s', maximumAttempts: 8 },
});

/**
 * Gives a database activity a call that lasts as long as it takes. After five seconds of outage it becomes a
 * remote activity, whose retries do not grow the history. The call throws a KilnError that is not retryable at
 * once, and INTERNAL or ENGINE_CRASHED after four more attempts, since time does not mend those.
 */
function databaseActivity<Input, Result>(
  named: (activities: Activities) => (input: Input) => Promise<Result>,
) {
  return async (input: Input): Promise<Result> => {
    try {
      return await named(local)(input);
    } catch (error) {
      if (isFinal(error)) throw error;
      const remote = proxyActivities<Activities>({
        taskQueue: queue('io'),
        startToCloseTimeout: '30s',
        retry: { initialInterval: '1s', maximumInterval: '30s', nonRetryableErrorTypes: ENGINE_ERRORS },
      });
      return attempting(() => named(remote)(input));
    }
  };
}

export const countBatch = databaseActivity((activities) => activities.countBatch);
export const endBatch = databaseActivity((activities) => activities.endBatch);
export const expireUpload = databaseActivity((activities) => activities.expireUpload);
export const recordQueued = databaseActivity((activities) => activities.recordQueued);
export const recordEnd = databaseActivity((activities) => activities.recordEnd);
export const discardFiles = databaseActivity((activities) => activities.discardFiles);
export const prepareCallback = databaseActivity((activities) => activities.prepareCallback);
export const holdCredits = databaseActivity((activities) => activities.holdCredits);
export const settleCredits = databaseActivity((activities) => activities.settleCredits);

/** Whether no further attempt can change the outcome: not so for a timeout or an unreachable database. */
function isFinal(error: unknown): boolean {
  const cause = causeOf(error);
  return cause instanceof ApplicationFailure && cause.nonRetryable === true;
}

/**
 * Returns what an activity threw: unwraps a remote activity's error (a local one's is bare), and a timeout
 * to the error of the last attempt.
 */
export function causeOf(error: unknown): unknown {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  return cause instanceof TimeoutFailure && cause.cause ? cause.cause : cause;
}

/** Returns activities on the queue of engines. Waits for cancellation, so that no engine outlives its job. */
export function conversion(summary: string) {
  return proxyActivities<Activities>({
    ...engineOptions(),
    taskQueue: queue('image'),
    summary: summaryOf(summary),
  });
}

/** Well below the ten seconds after which Temporal gives the workflow task to another worker. */
const LOCAL_TIMEOUT = '4s';

const localConversion = proxyLocalActivities<Activities>({
  startToCloseTimeout: LOCAL_TIMEOUT,
  scheduleToCloseTimeout: LOCAL_TIMEOUT,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { maximumAttempts: 1 },
});

/**
 * Converts within the workflow task, which halves the cost of a small job. When no engine is free within
 * four seconds, or an error may pass, runs a remote activity instead. Errors that cannot pass are thrown.
 */
export async function convertLocally(
  jobId: string,
  summary: string,
): Promise<ConvertedFile | AcquiredFile | Waiting> {
  try {
    return await localConversion.convertSmallFile({ jobId });
  } catch (error) {
    if (isCancellation(error) || isFinal(error)) throw error;
    return attempting(() => conversion(summary).convertSmallFile({ jobId }));
  }
}

/** Returns activities that read, verify and publish files. */
export function transfer(summary: string) {
  return proxyActivities<Activities>({ ...engineOptions(), taskQueue: queue('io'), summary });
}

/**
 * Returns activities that are retried without limit while it is an outage that they meet, for work that must be
 * done after any. INTERNAL and ENGINE_CRASHED are thrown at once: `attempting` counts those.
 */
export function unlimitedRetry(summary: string) {
  return proxyActivities<Activities>({
    taskQueue: queue('io'),
    summary,
    startToCloseTimeout: '1h',
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    retry: { initialInterval: '1s', maximumInterval: '30s', nonRetryableErrorTypes: ENGINE_ERRORS },
  });
}

/** A job fails if the database or the disk is away for longer. */
const LONGEST_OUTAGE = '24h';
/** Options with which Temporal retries outages (they say nothing about the job), and `attempting` the rest. */
function engineOptions(): ActivityOptions {
  return {
    scheduleToCloseTimeout: LONGEST_OUTAGE,
    startToCloseTimeout: '1h',
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: {
      initialInterval: '500ms',
      maximumInterval: '10s',
      nonRetryableErrorTypes: COUNTED_ERRORS,
    },
  };
}

/**
 * Returns the activity of one delivery attempt; the workflow itself has the retry schedule. A receiver has
 * fifteen seconds to answer, so an attempt that takes twice as long has lost its worker.
 */
export function delivery(summary: string) {
  const { priority } = workflowInfo();
  return proxyActivities<Activities>({
    taskQueue: queue('webhook'),
    // Fairness by receiver, so that one with a long queue does not delay the others.
    ...(priority && { priority }),
    summary,
    startToCloseTimeout: '30s',
    retry: { initialInterval: '1s', maximumInterval: '30s' },
  });
}
