import { type Caller, requireScope } from '../../domain/access/account.ts';
import type { Dialect } from '../../domain/dialect.ts';
import { KilnError } from '../../domain/errors.ts';
import { type Job, type JobStatus, type JobSummary, ownerKey } from '../../domain/jobs/job.ts';
import type { Page } from '../../domain/page.ts';
import type { JobRepository } from '../../store/jobs.ts';

export interface JobQuery extends Page {
  dialect?: Dialect;
  status?: JobStatus;
}

/** Builds the reads of the caller's jobs. Somebody else's job is NOT_FOUND, like one that does not exist. */
export function createFindJobs({ jobs }: { jobs: JobRepository }) {
  return {
    async findJob(caller: Caller, id: string, dialect?: Dialect): Promise<Job> {
      requireScope(caller, 'read', 'convert');
      const job = await jobs.get(id);
      const foreign = caller.kind === 'anonymous' || ownerKey(caller) !== job.owner;
      if (foreign || (dialect && job.dialect !== dialect))
        throw new KilnError('NOT_FOUND', 'There is no such job.');
      return job;
    },

    /** Returns a job of the dialect. The caller's signed token has been verified already. */
    async jobOfSignedToken(id: string, dialect: Dialect): Promise<Job> {
      const job = await jobs.get(id);
      if (job.dialect !== dialect) throw new KilnError('NOT_FOUND', 'There is no such job.');
      return job;
    },

    /** Returns the job with its events, read now if a list left them out. @throws KilnError NOT_FOUND once swept. */
    async wholeJob({ events, ...job }: JobSummary & Partial<Job>): Promise<Job> {
      const whole = events ? { ...job, events } : await jobs.getAmongMany(job._id);
      if (whole) return whole;
      throw new KilnError('NOT_FOUND', 'There is no such job.');
    },

    async listJobs(caller: Caller, query: JobQuery): Promise<JobSummary[]> {
      if (caller.kind === 'anonymous') throw new KilnError('UNAUTHENTICATED', 'This needs an API key.');
      requireScope(caller, 'read');
      return jobs.list({ ...query, owner: ownerKey(caller) });
    },
  };
}
