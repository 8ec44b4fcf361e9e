import type { Caller } from '../domain/account.ts';
import { ConversionError } from '../domain/errors.ts';
import type { StoredFile, Upload } from '../domain/file.ts';
import { type FormatId, findFormat, formatOfFilename } from '../domain/format.ts';
import { newId } from '../domain/id.ts';
import type { Dialect, Job, JobInput } from '../domain/job.ts';
import { ownerKey } from '../domain/job.ts';
import { parseOptions } from '../domain/options.ts';
import { planConversion } from '../domain/plan.ts';
import type { FileRepository } from '../store/files.ts';
import type { JobRepository } from '../store/jobs.ts';
import type { UploadRepository } from '../store/uploads.ts';
import { jobStart } from './job-start.ts';
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
  jobs: JobRepository;
  uploads: UploadRepository;
  files: FileRepository;
  runner: WorkflowRunner;
  limits: Limits;
  /** Refuses a receiver's address that Kiln would never call. */
  checkUrl(url: string): unknown;
  seal(secret: string, binding: { collection: string; id: string; field: string }): string;
}

/**
 * Accepts a conversion, or says before any byte moves why not.
 * The database knows the job before the workflow starts, so a crash in between loses nothing.
 */
export function createSubmitJob(ports: SubmitJobPorts) {
  return async function submitJob(caller: Caller, wish: JobWish): Promise<SubmittedJob> {
    const owner = requireOwner(caller);
    const target = requireTarget(wish.target);
    const options = parseOptions(target.category, wish.options ?? {});
    const callback = wish.callback && acceptCallback(ports, caller, wish.callback);
    const jobId = newId();
    const { upload, file } = await acceptInput(ports, owner, jobId, wish);
    const named = upload ?? file;
    const declared = wish.source ?? formatOfFilename(named.filename)?.id;
    if (declared) planConversion({ source: declared, target: target.id, options });

    const now = new Date();
    const job: Job = {
      _id: jobId,
      owner,
      dialect: wish.dialect,
      status: upload ? 'awaiting_upload' : 'queued',
      inputs: [inputOf(upload, file)],
      conversions: [
        {
          source: wish.source ?? null,
          target: target.id,
          options,
          status: 'waiting',
          engine: null,
          engineMs: null,
          error: null,
        },
      ],
      outputs: [],
      warnings: [],
      error: null,
      progress: { percent: 0, stage: upload ? 'waiting for the upload' : 'queued' },
      callback: callback
        ? {
            url: callback.url,
            sealedSecret: callback.secret
              ? ports.seal(callback.secret, { collection: 'jobs', id: jobId, field: 'callback.secret' })
              : null,
            status: 'pending',
            attempts: 0,
          }
        : null,
      seq: 1,
      events: [
        {
          type: 'status',
          status: upload ? 'awaiting_upload' : 'queued',
          at: now,
          cause: 'submitted',
          message: null,
        },
      ],
      createdAt: now,
      updatedAt: now,
      uploadDeadline: upload?.expiresAt ?? now,
      finishedAt: null,
    };
    await ports.jobs.insert(job);
    await ports.runner.startJob(jobStart(job));
    return { job, upload };
  };
}

function requireOwner(caller: Caller): string {
  if (caller.kind === 'anonymous')
    throw new ConversionError('UNAUTHENTICATED', 'This needs an API key.', {
      hint: 'Send it in the X-API-Key header.',
    });
  return ownerKey(caller);
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

function acceptCallback(ports: SubmitJobPorts, caller: Caller, callback: NonNullable<JobWish['callback']>) {
  if (caller.kind !== 'account')
    throw new ConversionError('FORBIDDEN', 'Callbacks need an account.', { field: 'callbackUrl' });
  ports.checkUrl(callback.url);
  return callback;
}

async function acceptInput(
  ports: SubmitJobPorts,
  owner: string,
  jobId: string,
  wish: JobWish,
): Promise<{ upload: Upload; file: null } | { upload: null; file: StoredFile }> {
  if ('upload' in wish.input) {
    const upload = newUpload({ wish: wish.input.upload, owner, jobId, limits: ports.limits });
    await ports.uploads.insert(upload);
    return { upload, file: null };
  }
  const file = await ports.files.get(wish.input.fileId);
  if (file.owner !== owner)
    throw new ConversionError('NOT_FOUND', 'There is no such file.', { field: 'fileId' });
  return { upload: null, file };
}

function inputOf(upload: Upload | null, file: StoredFile | null): JobInput {
  const named = upload ?? file;
  if (!named) throw new ConversionError('INVALID_INPUT', 'The job has no input.');
  return {
    fileId: named._id,
    filename: named.filename,
    mime: named.mime,
    size: named.size,
    format: file?.format ?? null,
    status: file ? 'ready' : 'waiting',
    error: null,
  };
}
