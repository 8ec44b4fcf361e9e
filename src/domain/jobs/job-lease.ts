import { isTerminal, type Job, type JobStatus } from './job.ts';

/** For a job whose workflow is about to be started or signalled. */
const START_MS = 10_000;
/** For a job that converts or is about to: progress and transitions renew it. */
const WORK_MS = 15_000;
/** The longest lease of a job that the repair has checked and that is still silent. */
const LONGEST_SILENCE_MS = 10 * 60_000;
/** For a job that its batch or the queue takes care of. */
const ELSEWHERE_MS = 24 * 3_600_000;
/** How long after the upload's deadline: the workflow itself ends the job before. */
const AFTER_DEADLINE_MS = 60_000;

const after = (ms: number, now: number) => new Date(now + ms);

/** Returns until when the start or the signal of a job's workflow may take. */
export function startLease(now = Date.now()): Date {
  return after(START_MS, now);
}

/** Returns until when the repair leaves a job alone that is queued, or that its batch will start. */
export function queueLease(now = Date.now()): Date {
  return after(ELSEWHERE_MS, now);
}

/** Returns until when the repair leaves a job alone whose workflow waits for the upload. */
export function uploadLease(deadline: Date | number): Date {
  return after(AFTER_DEADLINE_MS, Number(deadline));
}

/** Returns until when a job may be silent that converts or is about to. */
export function workLease(now = Date.now()): Date {
  return after(WORK_MS, now);
}

/** Whether jobs in this state are worked at, so that each write renews their lease. */
export function isWorkedAt(status: JobStatus): boolean {
  return !isTerminal(status) && status !== 'awaiting_upload';
}

/** Returns until when the repair leaves a silent job alone after a check: the longer it was silent, the longer. */
export function silenceLease({ updatedAt }: Pick<Job, 'updatedAt'>, now = Date.now()): Date {
  const silent = 2 * (now - updatedAt.getTime());
  return after(Math.min(Math.max(silent, WORK_MS), LONGEST_SILENCE_MS), now);
}

/** Whether the job's lease has run out. */
export function isOverdue({ repairAt }: Pick<Job, 'repairAt'>, now = Date.now()): boolean {
  return repairAt !== undefined && repairAt.getTime() <= now;
}
