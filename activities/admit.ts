import { Context } from '@temporalio/activity';
import type { WorkOrder } from '../src/converters/work-order.ts';
import type { Job } from '../src/domain/jobs/job.ts';
import type { JobRepository } from '../src/store/jobs.ts';

/** The job has to wait: so many jobs of its owner begin before it, and itself. */
export interface Waiting {
  position: number;
}

export interface WhenAdmittedPorts {
  /** @returns the position in line, null for a job that may begin. */
  admissions: { admit(job: Job): Promise<number | null> };
  jobs: Pick<JobRepository, 'setProgress'>;
  workOrder: WorkOrder;
}

/** Lets work begin only when the owner's plan has a place for the job; asking again is free. */
export function createWhenAdmitted({ admissions, jobs, workOrder }: WhenAdmittedPorts) {
  return <Input extends { job: Job }, Result>(work: (input: Input) => Promise<Result>) =>
    async (input: Input): Promise<Result | Waiting> => {
      const position = await admissions.admit(input.job);
      if (position === null) return inPriorityOrder(input.job, () => work(input));
      const stage = `waiting for its turn, ${position} in line`;
      await jobs.setProgress(input.job._id, { percent: 0, stage }, 'queued');
      return { position };
    };

  /** What runs within a workflow task has passed no queue that would let single jobs go first. */
  function inPriorityOrder<Result>({ batchId }: Job, work: () => Promise<Result>): Promise<Result> {
    if (batchId === undefined) return workOrder.single(work);
    const { info, cancellationSignal } = Context.current();
    return info.isLocal ? workOrder.batch(work, cancellationSignal) : work();
  }
}
