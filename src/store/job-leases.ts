import type { Job, JobStatus } from '../domain/jobs/job.ts';
import { type Collections, translateErrors, updateInPortions } from './mongo/mongo.ts';

/** A job whose lease has run out. */
export type OverdueJob = Pick<Job, '_id' | 'updatedAt'> & { repairAt: Date };

/** A job whose workflow was started. */
export interface StartedJob {
  jobId: string;
  /** The latest lease that it may have had when it was started. */
  seen: Date;
  /** The end of its new lease. */
  until: Date;
}

const UNDER_WAY: JobStatus[] = ['awaiting_upload', 'importing', 'queued', 'processing'];

export type JobLeases = ReturnType<typeof createJobLeases>;

/**
 * Builds the leases of open jobs. `repairAt` is the end of a lease; transitions and progress renew it. An index
 * finds the jobs whose lease has run out.
 */
export function createJobLeases({ jobs }: Pick<Collections, 'jobs'>) {
  return translateErrors({
    /** Returns jobs whose lease has run out, the longest ago first. */
    listOverdue: (now: Date, limit: number): Promise<OverdueJob[]> =>
      jobs
        .find(
          { repairAt: { $lte: now } },
          { projection: { repairAt: 1, updatedAt: 1 }, sort: { repairAt: 1 }, limit },
        )
        .toArray() as Promise<OverdueJob[]>,

    /** Renews a lease until `until`. Returns the job as it is now; null if the lease is no longer `seen`. */
    renew: (jobId: string, seen: Date, until: Date): Promise<Job | null> =>
      jobs.findOneAndUpdate(
        { _id: jobId, repairAt: seen },
        { $set: { repairAt: until } },
        { returnDocument: 'after' },
      ),

    /** Ends a lease for good, unless it is no longer `seen`: the job needs no check any more. */
    async drop(jobId: string, seen: Date): Promise<void> {
      await jobs.updateOne({ _id: jobId, repairAt: seen }, { $unset: { repairAt: '' } });
    },

    /** Extends the leases of started jobs that await their upload; a lease that was renewed since stays. */
    async confirmStarts(started: readonly StartedJob[]): Promise<void> {
      const updates = started.map(({ jobId, seen, until }) => ({
        updateOne: {
          filter: { _id: jobId, status: 'awaiting_upload' as const, repairAt: { $lte: seen } },
          update: { $set: { repairAt: until } },
        },
      }));
      if (updates.length > 0) await jobs.bulkWrite(updates, { ordered: false });
    },

    /** Gives open jobs of earlier versions, which have no lease, one that ends at `now`. */
    async adoptUnknown(now: Date): Promise<void> {
      await updateInPortions(
        jobs,
        { status: { $in: UNDER_WAY }, repairAt: { $exists: false } },
        { $set: { repairAt: now } },
      );
    },
  });
}
