import type { Batch } from '../../domain/batches/batch.ts';
import type { Upload } from '../../domain/files/file.ts';
import type { Job } from '../../domain/jobs/job.ts';
import type { SubmittedBatch } from '../../operations/batches/submit-batch.ts';
import type { AcceptedJob } from '../../operations/jobs/accept-job.ts';
import type { DialectPorts } from '../adapter.ts';
import { type SwapmyfileJob, type SwapmyfileStatus, swapmyfileJob } from './job.ts';
import type { PrepareRequest } from './request.ts';

/** What is checked once the bytes have arrived, in this order. */
const NEXT_CHECKS = ['size', 'file-type', 'dimensions', 'integrity'] as const;

/** How the bytes are to be sent. */
type UploadTarget =
  | { mode: 'put'; method: 'PUT'; url: string; headers: Record<string, string>; completeUrl: string }
  | { mode: 'multipart'; method: 'POST'; url: string; headers: Record<string, string>; fieldName: 'file' };

/** The answer to a prepare. */
export interface PreparedJob {
  job: SwapmyfileJob;
  upload: UploadTarget | null;
  statusToken: string;
  guestToken?: string;
  nextChecks: readonly string[];
}

/** Returns a new job and where to send its bytes; a guest also gets the token that proves later to be that guest. */
export function preparedJob(
  { job, upload }: AcceptedJob,
  { uploadMode, guestId }: Pick<PrepareRequest, 'uploadMode'> & { guestId: string | undefined },
  ports: DialectPorts,
): PreparedJob {
  const { links } = ports.operations;
  return {
    job: ownersView(job, ports),
    upload: upload && uploadTarget(upload, uploadMode, ports),
    statusToken: links.statusToken(job),
    ...(guestId !== undefined && { guestToken: links.guestToken(guestId) }),
    nextChecks: NEXT_CHECKS,
  };
}

/** A batch in this dialect's format: label, counts and jobs. */
interface SwapmyfileBatch {
  batchId: string;
  label: string | null;
  status: SwapmyfileStatus;
  counts: Record<SwapmyfileStatus | 'total', number>;
  jobs: SwapmyfileJob[];
}

/** The answer to a batch prepare, with the uploads in the order of the request. */
interface PreparedBatch {
  batch: SwapmyfileBatch;
  uploads: Pick<PreparedJob, 'job' | 'upload' | 'statusToken'>[];
  nextChecks: readonly string[];
}

/** Returns a new batch and where to send the bytes of each of its jobs. */
export function preparedBatch(
  { batch, jobs }: SubmittedBatch,
  requests: readonly Pick<PrepareRequest, 'uploadMode'>[],
  ports: DialectPorts,
): PreparedBatch {
  const uploads = jobs.map((accepted, i) => {
    const uploadMode = requests[i]?.uploadMode ?? 'put';
    const { job, upload, statusToken } = preparedJob(accepted, { uploadMode, guestId: undefined }, ports);
    return { job, upload, statusToken };
  });
  const records = jobs.map(({ job }) => job);
  return { batch: batchView(batch, records, ports), uploads, nextChecks: NEXT_CHECKS };
}

/** Returns a batch as its owner polls it, with the present counts and status of its jobs. */
export function batchView(
  { _id, label }: Batch,
  records: readonly Job[],
  ports: DialectPorts,
): SwapmyfileBatch {
  const jobs = records.map((job) => ownersView(job, ports));
  const count = (status: SwapmyfileStatus) => jobs.filter((job) => job.status === status).length;
  const counts = {
    total: jobs.length,
    awaiting_upload: count('awaiting_upload'),
    queued: count('queued'),
    processing: count('processing'),
    ready: count('ready'),
    failed: count('failed'),
  };
  return { batchId: _id, label, status: aggregateStatus(counts), counts, jobs };
}

/**
 * Returns one status for all jobs. Clients poll for `ready` or `failed`, so a batch that has ended is one of
 * them: `ready` if there is any result to fetch.
 */
function aggregateStatus({
  total,
  awaiting_upload,
  queued,
  ready,
  failed,
}: SwapmyfileBatch['counts']): SwapmyfileStatus {
  if (ready + failed === total) return ready > 0 ? 'ready' : 'failed';
  if (awaiting_upload === total) return 'awaiting_upload';
  return queued === total ? 'queued' : 'processing';
}

/** Returns a job with its download link, for its owner. */
export function ownersView(job: Job, { operations }: DialectPorts): SwapmyfileJob {
  const [output] = job.outputs;
  const isThere = job.status === 'ready' && output !== undefined;
  return { ...swapmyfileJob(job), downloadUrl: isThere ? operations.links.downloadPath(output) : null };
}

function uploadTarget(
  upload: Upload,
  mode: PrepareRequest['uploadMode'],
  { operations, publicUrl }: DialectPorts,
): UploadTarget {
  const { links } = operations;
  const origin = publicUrl();
  if (mode === 'multipart') {
    return { mode, method: 'POST', url: origin + links.formPath(upload), headers: {}, fieldName: 'file' };
  }
  return {
    mode,
    method: 'PUT',
    url: origin + links.uploadPath(upload),
    headers: { 'Content-Type': upload.mime },
    completeUrl: origin + links.completePath(upload),
  };
}
