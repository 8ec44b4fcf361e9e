import { type Caller, requireScope } from '../domain/account.ts';
import type { Job } from '../domain/job.ts';
import type { JobRepository } from '../store/jobs.ts';
import type { createFindJobs } from './find-jobs.ts';
import type { WorkflowRunner } from './runner.ts';

export interface CancelJobPorts {
  jobs: Pick<JobRepository, 'get'>;
  runner: Pick<WorkflowRunner, 'cancelJob'>;
  findJob: ReturnType<typeof createFindJobs>['findJob'];
}

/** Stops a job, its engine included. Cancelling a cancelled job is fine; another end is WRONG_STATE. */
export function createCancelJob({ jobs, runner, findJob }: CancelJobPorts) {
  return async function cancelJob(caller: Caller, jobId: string): Promise<Job> {
    requireScope(caller, 'convert');
    const job = await findJob(caller, jobId);
    if (job.status === 'cancelled') return job;
    try {
      await runner.cancelJob(jobId, 'cancelled by its owner');
    } catch (error) {
      // Somebody else's cancel may have come first.
      const now = await jobs.get(jobId);
      if (now.status === 'cancelled') return now;
      throw error;
    }
    return jobs.get(jobId);
  };
}
