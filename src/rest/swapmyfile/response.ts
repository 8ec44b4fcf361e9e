import { type SwapmyfileJob, swapmyfileJob } from '../../domain/callback-payload.ts';
import type { Upload } from '../../domain/file.ts';
import type { Job } from '../../domain/job.ts';
import type { AcceptedJob } from '../../operations/accept-job.ts';
import type { DialectPorts } from '../adapter.ts';
import type { PrepareWish } from './request.ts';

/** What will be looked at once the bytes are there, in this order. */
const NEXT_CHECKS = ['size', 'file-type', 'dimensions', 'integrity'] as const;

/** How the bytes are to be sent. */
export type UploadTarget =
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

/** Shows a fresh job and where its bytes go; a guest also gets what proves to be that guest later. */
export function preparedJob(
  { job, upload }: AcceptedJob,
  { uploadMode, guestId }: Pick<PrepareWish, 'uploadMode'> & { guestId: string | undefined },
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

/** Everything about a job, its download link included. */
export function ownersView(job: Job, { operations }: DialectPorts): SwapmyfileJob {
  const [output] = job.outputs;
  const isThere = job.status === 'ready' && output !== undefined;
  return { ...swapmyfileJob(job), downloadUrl: isThere ? operations.links.downloadPath(output) : null };
}

function uploadTarget(
  upload: Upload,
  mode: PrepareWish['uploadMode'],
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
