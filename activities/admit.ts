import { Context } from '@temporalio/activity';
import type { WorkOrder } from '../src/converters/work-order.ts';
import type { Job } from '../src/domain/jobs/job.ts';
import type { JobRepository } from '../src/store/jobs.ts';

/** The job has to wait. `position` counts the jobs that begin before it, and itself: 1 is next. */
export interface Waiting {
  position: number;
}

export interface WhenAdmittedPorts {
  /** Returns the position in the queue (1 is next); null if the job may begin. */
  admissions: { admit(job: Job): Promise<number | null> };
  jobs: Pick<JobRepository, 'setProgress'>;
  workOrder: WorkOrder;
}

/**
 * Builds a wrapper for activities of jobs: runs the work once the plan's concurrency has room, until then returns
 * the position instead. May be called again.
 */
export function createWhenAdmitted({ admissions, jobs, workOrder }: WhenAdmittedPorts) {
  return <Input extends { job: Job }, Result>(work: (input: Input) => Promise<Result>) =>
    async (input: Input): Promise<Result | Waiting> => {
      const position = await admissions.admit(input.job);
      if (position === null) return inPriorityOrder(input.job, () => work(input));
      const stage = `waiting for its turn, ${position} in line`;
      await jobs.setProgress(input.job._id, { percent: 0, stage }, 'queued');
      return { position };
    };

  /**
   * Runs single jobs at once. Makes those of batches wait for them where the activity is local: a local one has
   * passed no task queue, which would have put single jobs first.
   */
  function inPriorityOrder<Result>({ batchId }: Job, work: () => Promise<Result>): Promise<Result> {
    if (batchId === undefined) return workOrder.single(work);
    const { info, cancellationSignal } = Context.current();
    return info.isLocal ? workOrder.batch(work, cancellationSignal) : work();
  }
}
