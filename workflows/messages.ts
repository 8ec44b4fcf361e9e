import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { JobStatus } from '../src/domain/jobs/job.ts';

export interface CancelRequest {
  /** Shown in the job's timeline. */
  reason: string;
}

/** Says that the upload has been received or has failed for good. Sent by earlier versions only. */
export const uploadCompletedUpdate = defineUpdate<void, []>('uploadCompleted');

/**
 * Says the same by a signal, which is durable once accepted: Temporal forgets an update if it dies before
 * the worker's task is stored. May be repeated.
 */
export const uploadArrivedSignal = defineSignal<[]>('uploadArrived');

/** Stops the job and returns its final status. @throws WRONG_STATE if the job has ended another way. */
export const cancelUpdate = defineUpdate<JobStatus, [CancelRequest]>('cancel');

/** Says that the plan's concurrency has room for the job. May be repeated. */
export const admittedSignal = defineSignal<[]>('admitted');

export interface BatchNudge {
  /** `count` counts the open jobs again, `cancel` cancels them. */
  wish: 'count' | 'cancel';
}

/** Makes a batch act without waiting for its timer. */
export const nudgedSignal = defineSignal<[BatchNudge]>('nudged');
/** Ends whatever wait the delivery is in. */
export const wakeSignal = defineSignal('wake');

/** The workflow's step, for people and tests; the job's state is in the database. */
export type Phase = 'waiting for upload' | 'waiting for its turn' | 'converting' | 'finishing' | 'ended';

export const phaseQuery = defineQuery<Phase>('phase');
