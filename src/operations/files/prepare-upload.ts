import { type Caller, requireScope } from '../../domain/access/account.ts';
import { type AccountPlan, planRefusals, refuse } from '../../domain/access/account-plan.ts';
import { type Sender, UNKNOWN_SENDER } from '../../domain/access/client-address.ts';
import { KilnError, raisedBy } from '../../domain/errors.ts';
import { openUploadId, type Upload } from '../../domain/files/file.ts';
import { newId } from '../../domain/id.ts';
import { ownerKey } from '../../domain/jobs/job.ts';
import type { UploadRepository } from '../../store/uploads.ts';
import type { Admissions } from '../jobs/admissions.ts';

export interface UploadRequest {
  filename: string;
  mime: string;
  /** Bytes. */
  size: number;
}

export interface Limits {
  uploadBytes: number;
  /** How long an upload may take to arrive. */
  uploadMs: number;
}

export interface PrepareUploadPorts {
  uploads: Pick<UploadRepository, 'insertIfAbsent'>;
  admissions: Pick<Admissions, 'openUploads'>;
  limits: Limits;
  planOf(caller: Caller): Promise<AccountPlan>;
  concurrencyKeyOf(caller: Caller, sender: Sender): string;
}

/** Registers a file that will come, without a job. */
export function createPrepareUpload(ports: PrepareUploadPorts) {
  /** @throws KilnError RATE_LIMITED when as many are awaited as may be, with a job or without. */
  return async function prepareUpload(
    caller: Caller,
    request: UploadRequest,
    sender: Sender = UNKNOWN_SENDER,
  ): Promise<Upload> {
    if (caller.kind === 'anonymous')
      throw new KilnError('UNAUTHENTICATED', 'This needs an API key.', {
        hint: 'Send it in the X-API-Key header.',
      });
    requireScope(caller, 'upload');
    const demands = { callback: false, batch: false, size: request.size };
    const [refusal] = planRefusals(await ports.planOf(caller), demands, ports.limits.uploadBytes);
    if (refusal) throw refuse(refusal);
    const origin = { id: newId(), owner: ownerKey(caller), jobId: null, limits: ports.limits };
    const concurrencyKey = ports.concurrencyKeyOf(caller, sender);
    const upload = { ...newUpload({ request, ...origin }), lane: concurrencyKey };
    await ports.admissions.openUploads(concurrencyKey, [openUploadId(upload)]);
    await ports.uploads.insertIfAbsent(upload);
    return upload;
  };
}

const MAX_NAME = 255;

/** @throws KilnError INVALID_INPUT or TOO_LARGE that names the field. */
export function newUpload({
  id,
  request,
  owner,
  jobId,
  limits,
}: {
  id: string;
  request: UploadRequest;
  owner: string;
  jobId: string | null;
  limits: Limits;
}): Upload {
  const { filename, mime, size } = request;
  if (filename.length === 0 || filename.length > MAX_NAME) {
    throw new KilnError(
      'INVALID_INPUT',
      `The file name must have 1 to ${MAX_NAME} characters, not ${filename.length}.`,
      {
        field: 'filename',
      },
    );
  }
  if (!Number.isSafeInteger(size) || size <= 0) {
    throw new KilnError('INVALID_INPUT', 'The size must be a whole number of bytes greater than 0.', {
      field: 'size',
      hint: 'Send the exact size of the file.',
    });
  }
  if (size > limits.uploadBytes) {
    throw new KilnError(
      'TOO_LARGE',
      `The file has ${size} bytes; at most ${limits.uploadBytes} are allowed.`,
      {
        field: 'size',
        hint: raisedBy('KILN_LIMIT_UPLOAD_BYTES'),
      },
    );
  }
  const createdAt = new Date();
  return {
    _id: id,
    owner,
    jobId,
    filename,
    mime,
    size,
    state: 'open',
    blobId: null,
    received: null,
    fault: null,
    createdAt,
    expiresAt: new Date(createdAt.getTime() + limits.uploadMs),
  };
}
