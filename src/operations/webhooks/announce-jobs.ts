import type { Batch } from '../../domain/batches/batch.ts';
import { isTerminal, type Job } from '../../domain/jobs/job.ts';
import {
  announcedBatch,
  announcedFile,
  announcedJob,
  asSubmitted,
  type UrlOf,
} from '../../domain/webhooks/announced.ts';
import type { Log } from '../../log.ts';
import type { FileRepository } from '../../store/files.ts';
import type { createCompleteUpload } from '../files/complete-upload.ts';
import { inTime } from '../in-time.ts';
import type { createSubmitJob } from '../jobs/submit-job.ts';
import type { Announce } from './announce.ts';

export interface AnnounceJobsPorts {
  announce: Announce;
  isHeard(owner: string): Promise<boolean>;
  files: Pick<FileRepository, 'get'>;
  log: Pick<Log, 'warn'>;
  /** Absolute, since receivers know no base. */
  downloadUrl: UrlOf;
}

/** Whoever asked for a job waits for its announcement no longer than this. */
const ANNOUNCED_MS = 1000;

/** Tells endpoints of jobs and files. What was told once is not told again, whoever repeats it. */
export function createAnnounceJobs({ announce, isHeard, files, log, downloadUrl }: AnnounceJobsPorts) {
  async function jobCreated(job: Job): Promise<void> {
    if (!(await isHeard(job.owner))) return;
    const data = announcedJob(asSubmitted(job), downloadUrl);
    await announce({ owner: job.owner, type: 'job.created', subjectId: job._id, data });
  }

  return {
    jobCreated,

    /** Also of its beginning, in case the process that accepted it died before it could tell. */
    async jobEnded(job: Job): Promise<void> {
      const { _id: subjectId, owner, status } = job;
      if (!isTerminal(status) || !(await isHeard(owner))) return;
      await jobCreated(job);
      const type = `job.${status}` as 'job.ready' | 'job.failed' | 'job.cancelled' | 'job.expired';
      await announce({ owner, type, subjectId, data: announcedJob(job, downloadUrl) });
    },

    async batchEnded(batch: Batch): Promise<void> {
      const { _id: subjectId, owner } = batch;
      if (!(await isHeard(owner))) return;
      await announce({
        ...{ owner, type: 'batch.finished', subjectId },
        data: announcedBatch(batch, downloadUrl),
      });
    },

    /** The same operation, which also tells of what it accepted. */
    announcingSubmit(submitJob: ReturnType<typeof createSubmitJob>): typeof submitJob {
      return async (caller, wish, sender) => {
        const submitted = await submitJob(caller, wish, sender);
        // The job is accepted whatever becomes of the news: its end repeats them.
        const told = jobCreated(submitted.job).catch((error: unknown) =>
          log.warn({ jobId: submitted.job._id, error: String(error) }, 'a new job is announced later'),
        );
        await inTime(ANNOUNCED_MS, told);
        return submitted;
      };
    },

    /** The same operation, which also tells of a file that belongs to no job. */
    announcingUpload(completeUpload: ReturnType<typeof createCompleteUpload>): typeof completeUpload {
      return async (caller, uploadId) => {
        const completed = await completeUpload(caller, uploadId);
        const { owner, jobId } = completed.upload;
        if (jobId !== null) return completed;
        const data = announcedFile(await files.get(uploadId));
        await announce({ owner, type: 'file.uploaded', subjectId: uploadId, data });
        return completed;
      };
    },
  };
}
