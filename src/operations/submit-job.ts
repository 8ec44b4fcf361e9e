import { type Caller, requireScope } from '../domain/account.ts';
import { type AccountPlan, refuse, wishRefusals } from '../domain/account-plan.ts';
import { ConversionError } from '../domain/errors.ts';
import type { Upload } from '../domain/file.ts';
import { type FormatId, findFormat, formatOfFilename } from '../domain/format.ts';
import { newId } from '../domain/id.ts';
import type { Dialect, Job } from '../domain/job.ts';
import { ownerKey } from '../domain/job.ts';
import { parseOptions } from '../domain/options.ts';
import { planConversion } from '../domain/plan.ts';
import { priceOf } from '../domain/price.ts';
import type { CreditRepository } from '../store/credits.ts';
import type { FileRepository } from '../store/files.ts';
import type { JobRepository } from '../store/jobs.ts';
import type { UploadRepository } from '../store/uploads.ts';
import { requireMinimum } from './credits.ts';
import { findOwnFile } from './files.ts';
import { jobStart } from './job-start.ts';
import { type InputSource, type NewJob, newJob } from './new-job.ts';
import { type Limits, newUpload, type UploadWish } from './prepare-upload.ts';
import type { WorkflowRunner } from './runner.ts';

export interface JobWish {
  dialect: Dialect;
  input: { upload: UploadWish } | { fileId: string };
  /** Only when the caller insists on it; bytes of another format then fail the job. */
  source?: FormatId;
  target: FormatId;
  /** As the caller sent them; checked here against the target's schema. */
  options?: unknown;
  callback?: { url: string; secret?: string };
}

export interface SubmittedJob {
  job: Job;
  /** The intent that waits for bytes; null when the file was already there. */
  upload: Upload | null;
}

export interface SubmitJobPorts {
  jobs: Pick<JobRepository, 'insert'>;
  uploads: Pick<UploadRepository, 'insert'>;
  files: Pick<FileRepository, 'get'>;
  runner: Pick<WorkflowRunner, 'startJob'>;
  credits: Pick<CreditRepository, 'get'>;
  limits: Limits;
  planOf(caller: Caller): Promise<AccountPlan>;
  /** Refuses a receiver's address that Kiln would never call. */
  checkUrl(url: string): unknown;
  seal(secret: string, binding: { collection: string; id: string; field: string }): string;
}

/**
 * Accepts a conversion, or says before anything is written why not.
 * The database knows the job before the workflow starts, so a crash in between loses nothing.
 */
export function createSubmitJob(ports: SubmitJobPorts) {
  return async function submitJob(caller: Caller, wish: JobWish): Promise<SubmittedJob> {
    const owner = requireOwner(caller);
    const target = requireTarget(wish.target);
    const options = parseOptions(target.category, wish.options ?? {});
    await requireIncluded(ports, caller, wish);
    const id = newId();
    const callback = wish.callback ? acceptCallback(ports, id, wish.callback) : null;
    const input = await findInput(ports, owner, id, wish);
    const declared = wish.source ?? declaredFormat(input);
    if (declared) {
      planConversion({ source: declared, target: target.id, options });
      await requireMinimum(ports.credits, caller, priceOf(declared, target.id).minimum);
    }

    const { dialect, source = null } = wish;
    const job = newJob({ id, owner, dialect, input, source, target: target.id, options, callback });
    if (input.upload) await ports.uploads.insert(input.upload);
    await ports.jobs.insert(job);
    await ports.runner.startJob(jobStart(job));
    return { job, upload: input.upload };
  };
}

function requireOwner(caller: Caller): string {
  if (caller.kind === 'anonymous')
    throw new ConversionError('UNAUTHENTICATED', 'This needs an API key.', {
      hint: 'Send it in the X-API-Key header.',
    });
  requireScope(caller, 'convert');
  return ownerKey(caller);
}

/** What the plan does not include is refused like anything else that cannot be: before anything is written. */
async function requireIncluded(ports: SubmitJobPorts, caller: Caller, wish: JobWish): Promise<void> {
  const size = 'upload' in wish.input ? wish.input.upload.size : undefined;
  const facts = { callback: wish.callback !== undefined, batch: false, size };
  const [refusal] = wishRefusals(await ports.planOf(caller), facts, ports.limits.uploadBytes);
  if (refusal) throw refuse(refusal);
}

function requireTarget(id: FormatId) {
  const format = findFormat(id);
  if (!format)
    throw new ConversionError('UNSUPPORTED_CONVERSION', `"${id}" is not a format that Kiln knows.`, {
      field: 'target',
      hint: 'See the list of formats.',
    });
  return format;
}

function acceptCallback(
  ports: SubmitJobPorts,
  jobId: string,
  { url, secret }: NonNullable<JobWish['callback']>,
): NewJob['callback'] {
  ports.checkUrl(url);
  const binding = { collection: 'jobs', id: jobId, field: 'callback.secret' };
  return { url, sealedSecret: secret ? ports.seal(secret, binding) : null };
}

async function findInput(
  ports: SubmitJobPorts,
  owner: string,
  jobId: string,
  { input }: JobWish,
): Promise<InputSource> {
  if ('upload' in input) {
    const upload = newUpload({ wish: input.upload, owner, jobId, limits: ports.limits });
    return { upload, file: null };
  }
  return { upload: null, file: await findOwnFile(ports.files, owner, input.fileId) };
}

/** What was read from the bytes counts more than what a name says. */
function declaredFormat({ upload, file }: InputSource): FormatId | undefined {
  return file?.format ?? formatOfFilename((upload ?? file).filename)?.id;
}
