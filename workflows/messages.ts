import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { JobStatus } from '../src/domain/jobs/job.ts';

export interface CancelRequest {
  /** Shown in the job's timeline. */
  reason: string;
}

/** The bytes are there (or were refused for good): go and look. Sent by earlier versions. */
export const uploadCompletedUpdate = defineUpdate<void, []>('uploadCompleted');

/**
 * The same, but durable from the moment it is accepted: an update that a worker has acted upon is forgotten
 * when Temporal dies before the worker's task is stored. Repeats are welcome.
 */
export const uploadArrivedSignal = defineSignal<[]>('uploadArrived');

/** Stops the job and answers with the state it ended in. Refused once it has ended another way. */
export const cancelUpdate = defineUpdate<JobStatus, [CancelRequest]>('cancel');

/** There is a place for the job among those of its owner that convert. Repeats are welcome. */
export const admittedSignal = defineSignal<[]>('admitted');

export interface BatchNudge {
  /** To look at all jobs again, or to end those that have not ended. */
  wish: 'count' | 'cancel';
}

export const nudgedSignal = defineSignal<[BatchNudge]>('nudged');
/** Whatever the delivery waits for, it goes on now. */
export const wakeSignal = defineSignal('wake');

/** Where the workflow stands, for people and tests; the job's state is in the database. */
export type Phase = 'waiting for upload' | 'waiting for its turn' | 'converting' | 'finishing' | 'ended';

export const phaseQuery = defineQuery<Phase>('phase');
