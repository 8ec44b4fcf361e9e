import type { Batch } from '../../domain/batches/batch.ts';
import { isTerminal, type Job } from '../../domain/jobs/job.ts';
import {
  asSubmitted,
  batchEventData,
  fileEventData,
  jobEventData,
  type UrlOf,
} from '../../domain/webhooks/event-data.ts';
import { inTime } from '../../in-time.ts';
import type { Log } from '../../log.ts';
import type { FileRepository } from '../../store/files.ts';
import type { createCompleteUpload } from '../files/complete-upload.ts';
import type { createSubmitJob } from '../jobs/submit-job.ts';
import type { Emit, EventToEmit, Subscribers } from './emit.ts';

export interface EmitJobsPorts {
  emit: Emit;
  subscribers: Subscribers;
  files: Pick<FileRepository, 'get'>;
  log: Pick<Log, 'warn'>;
  /** Returns an absolute URL, since receivers know no base. */
  downloadUrl: UrlOf;
}

/** The longest that a caller who submits a job waits for its `job.created` to be stored. */
const EMIT_TIMEOUT_MS = 1000;

/** Emits the events of jobs, batches and files. Each may be repeated: subscribers get an event once. */
export function createEmitJobs({ emit, subscribers, files, log, downloadUrl }: EmitJobsPorts) {
  /** Builds the payload only if somebody subscribed: most owners have no endpoint. */
  async function emitLazily(event: Omit<EventToEmit, 'data'>, dataOf: () => object): Promise<void> {
    if ((await subscribers(event.owner, event.type)).length === 0) return;
    await emit({ ...event, data: dataOf() });
  }

  /** Emits `job.created` with the job as it was when it was accepted. */
  async function emitJobCreated(job: Job): Promise<void> {
    const event = { owner: job.owner, type: 'job.created' as const, subjectId: job._id };
    await emitLazily(event, () => jobEventData(asSubmitted(job), downloadUrl));
  }

  return {
    emitJobCreated,

    /**
     * Emits how the job ended; does nothing while it has not. Emits `job.created` first, in case the process
     * that accepted the job died before it could.
     */
    async emitJobEnded(job: Job): Promise<void> {
      const { _id: subjectId, owner, status } = job;
      if (!isTerminal(status)) return;
      await emitJobCreated(job);
      const type = `job.${status}` as 'job.ready' | 'job.failed' | 'job.cancelled' | 'job.expired';
      await emitLazily({ owner, type, subjectId }, () => jobEventData(job, downloadUrl));
    },

    /** Emits `batch.finished`; the caller knows that all jobs have ended. */
    async emitBatchEnded(batch: Batch): Promise<void> {
      const event = { owner: batch.owner, type: 'batch.finished' as const, subjectId: batch._id };
      await emitLazily(event, () => batchEventData(batch, downloadUrl));
    },

    /** Returns `submitJob` that emits `job.created` as well. It never fails or waits long because of that. */
    emittingSubmit(submitJob: ReturnType<typeof createSubmitJob>): typeof submitJob {
      return async (caller, request, sender) => {
        const submitted = await submitJob(caller, request, sender);
        // Whatever goes wrong here, the job is accepted: `emitJobEnded` emits the event again.
        const emitted = emitJobCreated(submitted.job).catch((error: unknown) =>
          log.warn({ jobId: submitted.job._id, error: String(error) }, 'job.created is emitted later'),
        );
        await inTime(EMIT_TIMEOUT_MS, emitted);
        return submitted;
      };
    },

    /** Returns `completeUpload` that emits `file.uploaded` as well, for an upload that belongs to no job. */
    emittingUpload(completeUpload: ReturnType<typeof createCompleteUpload>): typeof completeUpload {
      return async (caller, uploadId) => {
        const completed = await completeUpload(caller, uploadId);
        const { owner, jobId } = completed.upload;
        if (jobId !== null) return completed;
        const data = fileEventData(await files.get(uploadId));
        await emit({ owner, type: 'file.uploaded', subjectId: uploadId, data });
        return completed;
      };
    },
  };
}
