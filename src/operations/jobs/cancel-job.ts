import { type Caller, requireScope } from '../../domain/access/account.ts';
import { KilnError } from '../../domain/errors.ts';
import { isTerminal, type Job } from '../../domain/jobs/job.ts';
import type { JobRepository } from '../../store/jobs.ts';
import type { WorkflowRunner } from '../workflow-runner.ts';
import type { createFindJobs } from './find-jobs.ts';
import { jobStart } from './job-start.ts';

export interface CancelJobPorts {
  jobs: Pick<JobRepository, 'get'>;
  runner: Pick<WorkflowRunner, 'cancelJob'>;
  findJob: ReturnType<typeof createFindJobs>['findJob'];
}

/**
 * Builds `cancelJob`, which stops a job and its engine and returns it; a cancelled one as it is.
 * @throws KilnError WRONG_STATE if it has ended another way.
 */
export function createCancelJob({ jobs, runner, findJob }: CancelJobPorts) {
  return async function cancelJob(caller: Caller, jobId: string): Promise<Job> {
    requireScope(caller, 'convert');
    const job = await findJob(caller, jobId);
    if (job.status === 'cancelled') return job;
    if (isTerminal(job.status))
      throw new KilnError('WRONG_STATE', `The job is ${job.status} and cannot be cancelled any more.`);
    try {
      await runner.cancelJob(jobStart(job), 'cancelled by its owner');
    } catch (error) {
      // Somebody else's cancel may have come first.
      const now = await jobs.get(jobId);
      if (now.status === 'cancelled') return now;
      throw error;
    }
    return jobs.get(jobId);
  };
}
