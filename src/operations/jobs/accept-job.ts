import { type Caller, requireScope } from '../../domain/access/account.ts';
import { type AccountPlan, planRefusals, refuse } from '../../domain/access/account-plan.ts';
import { priceOf } from '../../domain/credits/price.ts';
import { uploadIdOf } from '../../domain/derived-ids.ts';
import type { Dialect } from '../../domain/dialect.ts';
import { KilnError } from '../../domain/errors.ts';
import type { Upload } from '../../domain/files/file.ts';
import { formatOfFilename } from '../../domain/formats/find-format.ts';
import type { FormatId } from '../../domain/formats/format.ts';
import { type Job, ownerKey } from '../../domain/jobs/job.ts';
import { planConversion, requireTarget } from '../../domain/jobs/plan.ts';
import { parseOptions } from '../../domain/options/image.ts';
import type { CreditRepository } from '../../store/credits.ts';
import type { FileRepository } from '../../store/files.ts';
import { requireMinimum } from '../credits/credits.ts';
import { findOwnFile } from '../files/files.ts';
import { type Limits, newUpload, type UploadRequest } from '../files/prepare-upload.ts';
import { type InputSource, type NewJob, newJob } from './new-job.ts';

export interface JobRequest {
  dialect: Dialect;
  input: { upload: UploadRequest } | { fileId: string };
  /** Only when the caller insists on it; bytes of another format then fail the job. */
  source?: FormatId;
  target: FormatId;
  /** As the caller sent them; checked here against the target's schema. */
  options?: unknown;
  callback?: { url: string; secret?: string };
  /** The job that this one retries. */
  retryOf?: string;
  /** Sent again with the same key, the request returns the same job. */
  idempotencyKey?: string;
}

export interface AcceptedJob {
  job: Job;
  /** The upload that the job waits for; null if the file exists already. */
  upload: Upload | null;
}

/** Who submits a job, with the plan that applies. */
export interface Submitter {
  caller: Caller;
  owner: string;
  concurrencyKey: string;
  plan: AccountPlan;
  batchId?: string;
}

export interface AcceptJobPorts {
  files: Pick<FileRepository, 'get'>;
  credits: Pick<CreditRepository, 'get'>;
  limits: Limits;
  /** @throws KilnError for a URL that Kiln never calls. */
  checkUrl(url: string): unknown;
  seal(secret: string, binding: { collection: string; id: string; field: string }): string;
}

/** Validates a request and returns its job and upload; writes nothing. @throws KilnError that names the field. */
export async function acceptJob(
  ports: AcceptJobPorts,
  { caller, owner, concurrencyKey, plan, batchId }: Submitter,
  request: JobRequest,
  id: string,
): Promise<AcceptedJob> {
  const target = requireTarget(request.target);
  const options = parseOptions(target.category, request.options ?? {});
  requireIncluded(plan, ports.limits, request, batchId !== undefined);
  const callback = request.callback ? acceptCallback(ports, id, request.callback) : null;
  const input = await findInput(ports, owner, id, request);
  const declared = request.source ?? declaredFormat(input);
  if (declared) {
    planConversion({ source: declared, target: target.id, options });
    await requireMinimum(ports.credits, caller, priceOf(declared, target.id).minimum);
  }
  const { dialect, source = null, retryOf } = request;
  const job = newJob({
    id,
    owner,
    dialect,
    input,
    source,
    target: target.id,
    options,
    callback,
    weight: plan.concurrency,
    ...(concurrencyKey !== owner && { lane: concurrencyKey }),
    ...(batchId !== undefined && { batchId }),
    ...(retryOf !== undefined && { retryOf }),
  });
  return { job, upload: input.upload };
}

/** Returns the caller's owner key. @throws KilnError UNAUTHENTICATED, or FORBIDDEN without the scope `convert`. */
export function requireOwner(caller: Caller): string {
  if (caller.kind === 'anonymous')
    throw new KilnError('UNAUTHENTICATED', 'This needs an API key.', {
      hint: 'Send it in the X-API-Key header.',
    });
  requireScope(caller, 'convert');
  return ownerKey(caller);
}

/** @throws KilnError for what the plan does not include. */
function requireIncluded(plan: AccountPlan, limits: Limits, request: JobRequest, batch: boolean): void {
  const size = 'upload' in request.input ? request.input.upload.size : undefined;
  const demands = { callback: request.callback !== undefined, batch, size };
  const [refusal] = planRefusals(plan, demands, limits.uploadBytes);
  if (refusal) throw refuse(refusal);
}

function acceptCallback(
  ports: AcceptJobPorts,
  jobId: string,
  { url, secret }: NonNullable<JobRequest['callback']>,
): NewJob['callback'] {
  checkCallbackUrl(ports, url);
  const binding = { collection: 'jobs', id: jobId, field: 'callback.secret' };
  return { url, sealedSecret: secret ? ports.seal(secret, binding) : null };
}

/** @throws KilnError about `callbackUrl` when Kiln calls no such address. */
function checkCallbackUrl({ checkUrl }: AcceptJobPorts, url: string): void {
  try {
    checkUrl(url);
  } catch (error) {
    throw error instanceof KilnError ? error.about('callbackUrl') : error;
  }
}

async function findInput(
  ports: AcceptJobPorts,
  owner: string,
  jobId: string,
  { input }: JobRequest,
): Promise<InputSource> {
  if ('upload' in input) {
    const origin = { id: uploadIdOf(jobId), owner, jobId, limits: ports.limits };
    const upload = newUpload({ request: input.upload, ...origin });
    return { upload, file: null };
  }
  return { upload: null, file: await findOwnFile(ports.files, owner, input.fileId) };
}

/** Returns the format of the file's bytes if known, else the one that the filename claims; undefined if none. */
function declaredFormat({ upload, file }: InputSource): FormatId | undefined {
  return file?.format ?? formatOfFilename((upload ?? file).filename)?.id;
}
