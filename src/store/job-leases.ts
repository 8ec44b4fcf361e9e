import type { Job, JobStatus } from '../domain/jobs/job.ts';
import { type Collections, translateErrors, updateInPortions } from './mongo/mongo.ts';

/** A job that gave no sign of life in time, as far as whoever looks for it needs it. */
export type OverdueJob = Pick<Job, '_id' | 'updatedAt'> & { repairAt: Date };

/** A job whose workflow was started. */
export interface StartedJob {
  jobId: string;
  /** The latest that it may have been trusted until when it was started. */
  seen: Date;
  /** How long it may rest now. */
  until: Date;
}

const UNDER_WAY: JobStatus[] = ['awaiting_upload', 'importing', 'queued', 'processing'];

export type JobLeases = ReturnType<typeof createJobLeases>;

/**
 * Until when each open job is trusted to be in good hands: `repairAt`, which moves and progress renew. Only
 * jobs whose time is over are found, by its index, however many wait.
 */
export function createJobLeases({ jobs }: Pick<Collections, 'jobs'>) {
  return translateErrors({
    /** Those whose time is over, the longest first. */
    listOverdue: (now: Date, limit: number): Promise<OverdueJob[]> =>
      jobs
        .find(
          { repairAt: { $lte: now } },
          { projection: { repairAt: 1, updatedAt: 1 }, sort: { repairAt: 1 }, limit },
        )
        .toArray() as Promise<OverdueJob[]>,

    /** Gives a job time until `until`. @returns it as it is now; null when it was given a sign of life since `seen`. */
    renew: (jobId: string, seen: Date, until: Date): Promise<Job | null> =>
      jobs.findOneAndUpdate(
        { _id: jobId, repairAt: seen },
        { $set: { repairAt: until } },
        { returnDocument: 'after' },
      ),

    /** Nobody has to look at a job any more that was trusted until `seen`. */
    async drop(jobId: string, seen: Date): Promise<void> {
      await jobs.updateOne({ _id: jobId, repairAt: seen }, { $unset: { repairAt: '' } });
    },

    /** Lets jobs rest that wait for their upload. What was expected of one since it was started stays so. */
    async confirmStarts(started: readonly StartedJob[]): Promise<void> {
      const updates = started.map(({ jobId, seen, until }) => ({
        updateOne: {
          filter: { _id: jobId, status: 'awaiting_upload' as const, repairAt: { $lte: seen } },
          update: { $set: { repairAt: until } },
        },
      }));
      if (updates.length > 0) await jobs.bulkWrite(updates, { ordered: false });
    },

    /** Has the open jobs of versions that did not know of this looked at. */
    async adoptUnknown(now: Date): Promise<void> {
      await updateInPortions(
        jobs,
        { status: { $in: UNDER_WAY }, repairAt: { $exists: false } },
        { $set: { repairAt: now } },
      );
    },
  });
}
