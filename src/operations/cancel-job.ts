import type { Caller } from '../domain/account.ts';
import type { Job } from '../domain/job.ts';
import type { JobRepository } from '../store/jobs.ts';
import type { createFindJobs } from './find-jobs.ts';
import type { WorkflowRunner } from './runner.ts';

export interface CancelJobPorts {
  jobs: JobRepository;
  runner: WorkflowRunner;
  findJob: ReturnType<typeof createFindJobs>['findJob'];
}

/** Stops a job, its engine included. Cancelling a cancelled job is fine; another end is WRONG_STATE. */
export function createCancelJob({ jobs, runner, findJob }: CancelJobPorts) {
  return async function cancelJob(caller: Caller, jobId: string): Promise<Job> {
    const job = await findJob(caller, jobId);
    if (job.status === 'cancelled') return job;
    await runner.cancelJob(jobId, 'cancelled by its owner');
    return jobs.get(jobId);
  };
}
