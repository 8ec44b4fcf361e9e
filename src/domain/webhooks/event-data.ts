import { type Batch, type BatchArchive, countsOf } from '../batches/batch.ts';
import type { StoredFile } from '../files/file.ts';
import type { Job, JobOutput } from '../jobs/job.ts';

/** Returns the URL at which an output can be downloaded until it expires. */
export type UrlOf = (output: Pick<JobOutput, 'fileId' | 'filename' | 'expiresAt'>) => string;

/** Returns the data of a job's events: what its owner may see, with download links to its outputs. */
export function jobEventData(job: Job, urlOf: UrlOf) {
  const { _id, status, dialect, inputs, conversions, outputs, error, warnings, batchId } = job;
  return {
    id: _id,
    status,
    dialect,
    ...(batchId && { batchId }),
    inputs: inputs.map(({ fileId, filename, size, mime }) => ({ fileId, filename, size, mime })),
    conversions: conversions.map(({ source, target }) => ({ source, target })),
    outputs: outputs.map((output) => ({
      fileId: output.fileId,
      filename: output.filename,
      mime: output.mime,
      size: output.size,
      sha256: output.sha256,
      width: output.width,
      height: output.height,
      downloadUrl: urlOf(output),
      expiresAt: output.expiresAt.toISOString(),
    })),
    error: error && { code: error.code, message: error.message },
    warnings,
    createdAt: job.createdAt.toISOString(),
    finishedAt: job.finishedAt?.toISOString() ?? null,
  };
}

/** Returns the job as it was when it was accepted, for a `job.created` that is emitted later. */
export function asSubmitted(job: Job): Job {
  const status = job.events.find(({ cause }) => cause === 'submitted')?.status ?? job.status;
  return { ...job, status, outputs: [], warnings: [], error: null, finishedAt: null };
}

/** Returns the data of a batch's event: how its jobs ended. Each job has an event of its own for the rest. */
export function batchEventData(batch: Batch, urlOf: UrlOf) {
  const { _id, status, dialect, label, outcomes, archive } = batch;
  return {
    id: _id,
    status,
    dialect,
    label,
    counts: countsOf(batch),
    jobs: batch.jobIds.map((id) => ({ id, status: outcomes[id] ?? null })),
    archive: archive && archivedAs(archive, urlOf),
    createdAt: batch.createdAt.toISOString(),
    finishedAt: batch.finishedAt?.toISOString() ?? null,
  };
}

/** Returns the archive's link, or only its error if there is no file. */
function archivedAs({ fileId, filename, size, expiresAt, error }: BatchArchive, urlOf: UrlOf) {
  if (fileId === null || expiresAt === null) return { filename, error };
  const downloadUrl = urlOf({ fileId, filename, expiresAt });
  return { filename, size, downloadUrl, expiresAt: expiresAt.toISOString(), error };
}

/** Returns the data of a file's event. */
export function fileEventData({ _id, filename, mime, size, sha256, createdAt, expiresAt }: StoredFile) {
  return {
    id: _id,
    filename,
    mime,
    size,
    sha256,
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
  };
}
