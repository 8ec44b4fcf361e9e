import { isTerminal, type Job, type JobStatus } from './job.ts';

/** A job whose workflow is about to be started, or told. */
const START_MS = 10_000;
/** A job that is about to be converted, or is: progress and moves renew it. */
const WORK_MS = 15_000;
/** How long silence is trusted that goes on after it was looked at. */
const LONGEST_SILENCE_MS = 10 * 60_000;
/** A job that somebody else looks after: its batch, or the queue of its owner's jobs. */
const ELSEWHERE_MS = 24 * 3_600_000;
/** The workflow itself ends a job whose upload is late; only then something is wrong. */
const AFTER_DEADLINE_MS = 60_000;

const after = (ms: number, now: number) => new Date(now + ms);

/** Until when a new job, or one whose upload is just being completed, may wait for its workflow to hear of it. */
export function startLease(now = Date.now()): Date {
  return after(START_MS, now);
}

/** Until when a job may rest that waits for its turn, or for its batch to start it. */
export function queueLease(now = Date.now()): Date {
  return after(ELSEWHERE_MS, now);
}

/** Until when a job may rest whose workflow waits for the upload. */
export function uploadLease(deadline: Date | number): Date {
  return after(AFTER_DEADLINE_MS, Number(deadline));
}

/** Until when a job may be silent that is about to be converted, or is. */
export function workLease(now = Date.now()): Date {
  return after(WORK_MS, now);
}

/** Whether a job in this state is worked at, so that each sign of life gives it time. */
export function isWorkedAt(status: JobStatus): boolean {
  return !isTerminal(status) && status !== 'awaiting_upload';
}

/** Until when a job is left alone that was looked at: the longer it has been silent, the longer. */
export function silenceLease({ updatedAt }: Pick<Job, 'updatedAt'>, now = Date.now()): Date {
  const silent = 2 * (now - updatedAt.getTime());
  return after(Math.min(Math.max(silent, WORK_MS), LONGEST_SILENCE_MS), now);
}

/** Whether nobody has given a sign of life of this job for too long. */
export function isOverdue({ repairAt }: Pick<Job, 'repairAt'>, now = Date.now()): boolean {
  return repairAt !== undefined && repairAt.getTime() <= now;
}
