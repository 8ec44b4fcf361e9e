import { Context } from '@temporalio/activity';
import type { BlobStore } from '../src/blobs/blob-store.ts';
import type { zip as zipEntries } from '../src/blobs/zip.ts';
import type { Batch, BatchArchive } from '../src/domain/batches/batch.ts';
import { archiveFileId } from '../src/domain/derived-ids.ts';
import { KilnError } from '../src/domain/errors.ts';
import { archiveNames } from '../src/domain/files/archive-names.ts';
import { archiveBlobs, earlierBlobId } from '../src/domain/files/blob-name.ts';
import type { Job, JobOutput } from '../src/domain/jobs/job.ts';
import type { BatchRepository } from '../src/store/batches.ts';
import type { FileRepository } from '../src/store/files.ts';
import type { JobRepository } from '../src/store/jobs.ts';
import { newAttemptBlobId, removeOtherAttempts } from './attempt-blobs.ts';
import { whileHeartbeating } from './heartbeat.ts';

/** Upper bounds, in bytes, of what ZIP adds to each file (its name twice) and at the end. */
const ENTRY_BYTES = 2048;
const END_BYTES = 65_536;

export interface PackBatchPorts {
  batches: Pick<BatchRepository, 'get' | 'setArchive'>;
  jobs: Pick<JobRepository, 'getMany'>;
  files: Pick<FileRepository, 'publish' | 'blobsOf'>;
  blobs: Pick<BlobStore, 'attemptsAt' | 'read' | 'remove' | 'write'>;
  zip: typeof zipEntries;
  /** Milliseconds for which a file is kept. */
  fileMs: number;
}

/**
 * Builds `packBatch`, which packs all results of a batch into one ZIP file that expires like them. Of several
 * attempts the first to end counts.
 */
export function createPackBatch({ batches, jobs, files, blobs, zip, fileMs }: PackBatchPorts) {
  return ({ batchId }: { batchId: string }): Promise<void> =>
    whileHeartbeating(async () => {
      const batch = await batches.get(batchId);
      const ready = await readyJobs(batch);
      await batches.setArchive(batchId, await pack(batch, ready));
    });

  async function readyJobs({ jobIds }: Batch): Promise<{ job: Job; output: JobOutput }[]> {
    const found = await jobs.getMany(jobIds);
    return found.flatMap((job) => {
      const [output] = job.outputs;
      return job.status === 'ready' && output ? [{ job, output }] : [];
    });
  }

  async function pack(
    batch: Batch,
    results: readonly { job: Job; output: JobOutput }[],
  ): Promise<BatchArchive> {
    const { archive, owner } = batch;
    if (!archive) throw new KilnError('WRONG_STATE', 'No archive was asked for.');
    if (results.length === 0) {
      const error = { code: 'NOT_FOUND', message: 'There was no result to pack.' } as const;
      return { ...archive, error };
    }
    const fileId = archiveFileId(batch._id);
    const blobId = newAttemptBlobId(archiveBlobs(batch._id));
    const { filename } = archive;
    const { size, sha256 } = await store(blobId, results);
    const createdAt = new Date();
    const expiresAt = new Date(createdAt.getTime() + fileMs);
    const standing = await files.publish({
      _id: fileId,
      owner,
      blobId,
      filename,
      size,
      sha256,
      format: null,
      mime: 'application/zip',
      width: null,
      height: null,
      origin: 'output',
      jobId: null,
      batchId: batch._id,
      createdAt,
      expiresAt,
    });
    await removeOtherAttempts(blobs, archiveBlobs(batch._id), standing.blobId);
    return { ...archive, fileId, size: standing.size, expiresAt: standing.expiresAt };
  }

  async function store(blobId: string, results: readonly { job: Job; output: JobOutput }[]) {
    const stored = await files.blobsOf(results.map(({ output }) => output.fileId));
    const names = archiveNames(results.map(({ job }) => job));
    const entries = results.map(({ job, output }, i) => ({
      name: names[i] ?? output.filename,
      size: output.size,
      modifiedAt: job.finishedAt ?? job.updatedAt,
      open: () => blobs.read(stored.get(output.fileId) ?? earlierBlobId(output.fileId)),
    }));
    const bytes = entries.reduce((sum, { size }) => sum + size + ENTRY_BYTES, END_BYTES);
    const { cancellationSignal: signal } = Context.current();
    return blobs.write(blobId, zip(entries), { maxBytes: bytes, signal });
  }
}
