import { Context } from '@temporalio/activity';
import { hasCode, isErrorCode, KilnError } from '../src/domain/errors.ts';
import {
  isTerminal,
  type Job,
  type JobOutput,
  type JobStatus,
  type StoredError,
  UPLOAD_COMPLETED,
} from '../src/domain/jobs/job.ts';
import type { FileRepository } from '../src/store/files.ts';
import type { JobPatch, JobRepository } from '../src/store/jobs.ts';
import type { UploadRepository } from '../src/store/uploads.ts';
import type { ConvertedFile } from './convert.ts';

/** How a job ends. */
export type JobEnd =
  | { to: 'ready'; outputs: ConvertedFile[] }
  | { to: 'failed' | 'cancelled' | 'expired'; fault: StoredError };

const UPLOAD_EXPIRED: StoredError = { code: 'UPLOAD_EXPIRED', message: 'The file was not uploaded in time.' };

export interface RecordPorts {
  jobs: Pick<JobRepository, 'get' | 'transition'>;
  uploads: Pick<UploadRepository, 'get' | 'reject'>;
  files: Pick<FileRepository, 'getKept'>;
  admissions: { leave(job: Job): Promise<void> };
  countInBatch(job: Job): Promise<void>;
  emitJobEnded(job: Job): Promise<void>;
}

/** Writes the job's state after submission. Every write carries its cause, so a repeat is recognised. */
export function createRecord({ jobs, uploads, files, admissions, countInBatch, emitJobEnded }: RecordPorts) {
  async function outputsOf(converted: ConvertedFile[]): Promise<JobOutput[]> {
    return Promise.all(
      converted.map(async ({ fileId }) => {
        const { filename, mime, size, sha256, width, height, expiresAt } = await files.getKept(fileId);
        return { fileId, filename, mime, size, sha256, width, height, expiresAt };
      }),
    );
  }

  return {
    /**
     * Closes the upload of a job whose deadline has passed, unless it was completed before: whichever of
     * the two writes comes first decides. May be repeated.
     * @returns whether the upload had arrived, or was refused for a reason that the job will tell.
     */
    async expireUpload({ jobId }: { jobId: string }): Promise<{ arrived: boolean }> {
      const { status, inputs } = await jobs.get(jobId);
      if (status !== 'awaiting_upload') return { arrived: true };
      const uploadId = inputs[0]?.fileId ?? '';
      await uploads.reject(uploadId, UPLOAD_EXPIRED);
      const { fault } = await uploads.get(uploadId);
      return { arrived: fault?.code !== UPLOAD_EXPIRED.code };
    },

    /** The upload is there. A repair may have found the job further on already. */
    async recordQueued({ jobId }: { jobId: string }): Promise<void> {
      await jobs.transition(jobId, UPLOAD_COMPLETED).catch(async (error: unknown) => {
        const { status } = await jobs.get(jobId);
        if (status === 'awaiting_upload' || isTerminal(status)) throw error;
      });
    },

    /** @returns the state the job is in now: another end may have been written first, and then stands. */
    async recordEnd({ jobId, end }: { jobId: string; end: JobEnd }): Promise<JobStatus> {
      const job = await jobs.get(jobId);
      const change =
        end.to === 'ready'
          ? { patch: readyPatch(job, end.outputs, await outputsOf(end.outputs)) }
          : errorChange(job, publicError(end.fault));
      const transition = { to: end.to, cause: 'ended', ...change };
      const ended = await jobs.transition(jobId, transition).catch(standingEnd(jobId));
      await follow({
        'its place is free': () => admissions.leave(job),
        'its event is sent': () => emitJobEnded(ended),
        'its batch counts it': () => countInBatch(ended),
      });
      return ended.status;
    },
  };

  function standingEnd(jobId: string) {
    return async (error: unknown): Promise<Job> => {
      const refused = hasCode(error, 'WRONG_STATE');
      const job = refused ? await jobs.get(jobId) : null;
      if (!job || !isTerminal(job.status)) throw error;
      return job;
    };
  }
}

/**
 * Does what follows from an end that is written, each step whatever becomes of the others. A fault of ours is
 * logged, since the job has ended all the same: repairs free its place and count it.
 * @throws what may pass, to be tried again.
 */
async function follow(steps: Readonly<Record<string, () => Promise<void>>>): Promise<void> {
  const passing: unknown[] = [];
  for (const [step, run] of Object.entries(steps)) {
    try {
      await run();
    } catch (error) {
      if (error instanceof KilnError && error.retryable && error.code !== 'INTERNAL') passing.push(error);
      else
        Context.current().log.error('a job has ended, but a step that follows failed', { step, err: error });
    }
  }
  if (passing.length > 0) throw passing[0];
}

function readyPatch(job: Job, converted: ConvertedFile[], outputs: JobOutput[]): JobPatch {
  const spent = converted.reduce((sum, { credits = 0 }) => sum + credits, 0);
  return {
    outputs,
    ...(spent > 0 && { spent }),
    warnings: converted.flatMap(({ warnings }) => warnings),
    progress: { percent: 100, stage: 'ready' },
    inputs: job.inputs.map((input, i) => ({
      ...input,
      status: 'ready',
      format: converted[i]?.source ?? input.format,
    })),
    conversions: job.conversions.map((conversion, i) => ({
      ...conversion,
      status: 'ready',
      source: converted[i]?.source ?? conversion.source,
      engine: converted[i]?.engine ?? null,
      engineMs: converted[i]?.engineMs ?? null,
    })),
  };
}

function errorChange(job: Job, error: StoredError): { patch: JobPatch; message: string } {
  const conversions = job.conversions.map((conversion) => ({
    ...conversion,
    status: 'failed' as const,
    error,
  }));
  return { patch: { error, conversions }, message: error.message };
}

/** Temporal has failures of its own, of a worker that shuts down for one: callers know only our codes. */
function publicError({ code, message }: StoredError): StoredError {
  if (isErrorCode(code)) return { code, message };
  return { code: 'INTERNAL', message: 'The conversion did not finish because of a fault on our side.' };
}
