import { converterSlug, formatOfFilename } from '../../domain/formats/find-format.ts';
import {
  isTerminal,
  type Job,
  type JobCallback,
  type JobProgress,
  type JobStatus,
  resultName,
} from '../../domain/jobs/job.ts';

/** The five states that a SwapMyFile client knows. */
export type SwapmyfileStatus = 'awaiting_upload' | 'queued' | 'processing' | 'ready' | 'failed';

const STATUS: Readonly<Record<JobStatus, SwapmyfileStatus>> = {
  draft: 'awaiting_upload',
  awaiting_upload: 'awaiting_upload',
  importing: 'queued',
  queued: 'queued',
  processing: 'processing',
  ready: 'ready',
  failed: 'failed',
  cancelled: 'failed',
  expired: 'failed',
};

/** A job in SwapMyFile's format, the same in answers and in callbacks. */
export interface SwapmyfileJob {
  jobId: string;
  converterSlug: string;
  status: SwapmyfileStatus;
  inputFilename: string;
  outputFilename: string;
  /** A path from the root. Null until the job is ready; absent for a reader who may see only the status. */
  downloadUrl?: string | null;
  error?: { code: string; message: string };
  callback: Pick<JobCallback, 'url' | 'status' | 'attempts'> | null;
  progress?: JobProgress;
}

/** Returns a job in SwapMyFile's format. */
export function swapmyfileJob(job: Job): SwapmyfileJob {
  const status = STATUS[job.status];
  return {
    jobId: job._id,
    converterSlug: slugOf(job),
    status,
    inputFilename: job.inputs[0]?.filename ?? '',
    outputFilename: job.outputs[0]?.filename ?? resultName(job),
    ...(status === 'failed' && { error: errorOf(job) }),
    callback: job.callback && {
      url: job.callback.url,
      status: job.callback.status,
      attempts: job.callback.attempts,
    },
    ...(!isTerminal(job.status) && { progress: job.progress }),
  };
}

function slugOf({ inputs, conversions }: Job): string {
  const [input] = inputs;
  const [conversion] = conversions;
  const source = conversion?.source ?? input?.format ?? formatOfFilename(input?.filename ?? '')?.id;
  return converterSlug(source ?? 'file', conversion?.target ?? 'file');
}

/** Returns the job's error; invents one for a cancelled or expired job, which has none but is failed to clients. */
function errorOf({ status, error }: Job): { code: string; message: string } {
  if (error) return { code: error.code, message: error.message };
  if (status === 'cancelled') return { code: 'CANCELLED', message: 'The job was cancelled.' };
  if (status === 'expired') return { code: 'UPLOAD_EXPIRED', message: 'The file did not arrive in time.' };
  return { code: 'INTERNAL', message: 'The conversion did not succeed.' };
}
