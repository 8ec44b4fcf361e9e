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
import { attempting, COUNTED_FAULTS, ENGINE_FAULTS } from './attempts.ts';
import { summaryOf } from './summary.ts';

/** A killed worker is noticed after this much silence. */
const HEARTBEAT_TIMEOUT = '10s';

/** Sibling queues share the prefix of the queue that this workflow runs on. */
function queue(name: keyof Queues): string {
  return workflowInfo().taskQueue.replace(/-(?:jobs|webhook)$/, `-${name}`);
}

/**
 * Database writes: a local activity for five seconds, which costs no round trip through Temporal.
 * The attempts are counted as well, because the deadline does not end a pause between two of them.
 * An attempt has no deadline of its own: one that came at the same instant would be followed by a second attempt.
 */
const local = proxyLocalActivities<Activities>({
  scheduleToCloseTimeout: '5s',
  retry: { initialInterval: '100ms', maximumInterval: '1s', maximumAttempts: 8 },
});

type Quick =
  | 'countBatch'
  | 'endBatch'
  | 'expireUpload'
  | 'recordQueued'
  | 'recordEnd'
  | 'discardFiles'
  | 'prepareCallback'
  | 'holdCredits'
  | 'settleCredits';

/**
 * Runs a database write for as long as it takes. An outage of more than five seconds moves it
 * to a remote activity, whose retries do not grow the history. A fault of our own is no outage: time does
 * not mend it, so it is thrown after four more attempts.
 */
export async function quickly<Name extends Quick>(
  name: Name,
  input: Parameters<Activities[Name]>[0],
): Promise<Awaited<ReturnType<Activities[Name]>>> {
  type Run = (input: unknown) => Promise<Awaited<ReturnType<Activities[Name]>>>;
  try {
    return await (local[name] as Run)(input);
  } catch (error) {
    if (isFinal(error)) throw error;
    const remote = proxyActivities<Activities>({
      taskQueue: queue('io'),
      startToCloseTimeout: '30s',
      retry: { initialInterval: '1s', maximumInterval: '30s', nonRetryableErrorTypes: ENGINE_FAULTS },
    });
    return attempting(() => (remote[name] as Run)(input));
  }
}

/** A refusal by code (not a timeout, not an unreachable database) will not change. */
function isFinal(error: unknown): boolean {
  const cause = causeOf(error);
  return cause instanceof ApplicationFailure && cause.nonRetryable === true;
}

/**
 * What an activity threw: a remote one arrives wrapped, a local one bare. Where it was tried until its time
 * was over, what the last attempt met.
 */
export function causeOf(error: unknown): unknown {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  return cause instanceof TimeoutFailure && cause.cause ? cause.cause : cause;
}

/** Engine work. Cancellation is waited for, so that no engine outlives its job. */
export function conversion(summary: string) {
  return proxyActivities<Activities>({
    ...engineOptions(),
    taskQueue: queue('image'),
    summary: summaryOf(summary),
  });
}

/** Well below the ten seconds after which Temporal would hand the workflow task to somebody else. */
const AT_ONCE = '4s';

const localConversion = proxyLocalActivities<Activities>({
  startToCloseTimeout: AT_ONCE,
  scheduleToCloseTimeout: AT_ONCE,
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
  retry: { maximumAttempts: 1 },
});

/**
 * The whole conversion within the workflow task, which halves what a small job costs. What does not
 * get through at once, for lack of a free engine or by a fault that may pass, goes its usual way.
 */
export async function convertAtOnce(
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

/** Reading, verifying and naming files. */
export function transfer(summary: string) {
  return proxyActivities<Activities>({ ...engineOptions(), taskQueue: queue('io'), summary });
}

/** What must be done in the end, however long a part of the system is away. */
export function tireless(summary: string) {
  return proxyActivities<Activities>({
    taskQueue: queue('io'),
    summary,
    startToCloseTimeout: '1h',
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    retry: { initialInterval: '1s', maximumInterval: '30s' },
  });
}

/** A database or a disk that is away this long has taken the job with it. */
const LONGEST_OUTAGE = '24h';
/** Temporal itself tries again what passes: outages of the world around, which say nothing about the job. */
function engineOptions(): ActivityOptions {
  return {
    scheduleToCloseTimeout: LONGEST_OUTAGE,
    startToCloseTimeout: '1h',
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    retry: {
      initialInterval: '500ms',
      maximumInterval: '10s',
      nonRetryableErrorTypes: COUNTED_FAULTS,
    },
  };
}

/**
 * One attempt to deliver a webhook; the workflow itself is the retry ladder. No receiver gets more than
 * fifteen seconds, so an attempt that takes twice as long has lost its worker.
 */
export function delivery(summary: string) {
  const { priority } = workflowInfo();
  return proxyActivities<Activities>({
    taskQueue: queue('webhook'),
    // By the receiver, so that one with a long queue does not stand before the others.
    ...(priority && { priority }),
    summary,
    startToCloseTimeout: '30s',
    retry: { initialInterval: '1s', maximumInterval: '30s' },
  });
}
