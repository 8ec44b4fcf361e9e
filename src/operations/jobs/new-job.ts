import type { Dialect } from '../../domain/dialect.ts';
import type { StoredFile, Upload } from '../../domain/files/file.ts';
import type { FormatId } from '../../domain/formats/format.ts';
import type { Job, JobCallback, JobInput } from '../../domain/jobs/job.ts';
import { queueLease, startLease } from '../../domain/jobs/job-lease.ts';
import type { StepOptions } from '../../domain/options/image.ts';

/** Where a job's bytes come from: an upload that is awaited, or an existing file. */
export type InputSource = { upload: Upload; file: null } | { upload: null; file: StoredFile };

/** A validated request. */
export interface NewJob extends Pick<Job, 'lane' | 'weight' | 'batchId' | 'retryOf'> {
  id: string;
  owner: string;
  dialect: Dialect;
  input: InputSource;
  /** Null unless the caller insisted on it. */
  source: FormatId | null;
  target: FormatId;
  options: StepOptions;
  callback: Pick<JobCallback, 'url' | 'sealedSecret'> | null;
}

/** Returns a job as it is inserted, with one event: `submitted`. */
export function newJob(job: NewJob): Job {
  const { id, input, source, target, options, callback, ...rest } = job;
  const now = new Date();
  const status = input.upload ? 'awaiting_upload' : 'queued';
  return {
    _id: id,
    ...rest,
    status,
    inputs: [inputOf(input)],
    conversions: [{ source, target, options, status: 'waiting', engine: null, engineMs: null, error: null }],
    outputs: [],
    warnings: [],
    error: null,
    progress: { percent: 0, stage: input.upload ? 'waiting for the upload' : 'queued' },
    callback: callback && { ...callback, status: 'pending', attempts: 0 },
    seq: 1,
    events: [{ type: 'status', status, at: now, cause: 'submitted', message: null }],
    createdAt: now,
    updatedAt: now,
    uploadDeadline: input.upload?.expiresAt ?? now,
    finishedAt: null,
    repairAt: rest.batchId === undefined ? startLease() : queueLease(),
  };
}

function inputOf({ upload, file }: InputSource): JobInput {
  const { _id, filename, mime, size } = upload ?? file;
  return {
    fileId: _id,
    filename,
    mime,
    size,
    format: file?.format ?? null,
    status: file ? 'ready' : 'waiting',
    error: null,
  };
}
