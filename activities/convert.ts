import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import type { BlobStore } from '../src/blobs/blob-store.ts';
import type { Scratch } from '../src/blobs/scratch.ts';
import type { Converters } from '../src/converters/converters.ts';
import { creditsUsed } from '../src/domain/credits/price.ts';
import { outputFileId } from '../src/domain/derived-ids.ts';
import { KilnError } from '../src/domain/errors.ts';
import { outputBlobs } from '../src/domain/files/blob-name.ts';
import { type Job, type JobProgress, rejectTransition } from '../src/domain/jobs/job.ts';
import type { JobRepository } from '../src/store/jobs.ts';
import type { AcquiredFile } from './acquire.ts';
import { newAttemptBlobId } from './attempt-blobs.ts';

/** Milliseconds between two writes of progress. */
const PROGRESS_MS = 250;

export interface ConvertedFile {
  /** Derived from the job's id, so that every attempt makes the same file. */
  fileId: string;
  /** The blob of this attempt; absent in results of earlier versions, whose attempts all wrote the same blob. */
  blobId?: string;
  size: number;
  sha256: string;
  source: string;
  engine: string;
  engineMs: number;
  width: number | null;
  height: number | null;
  /** Duration of audio or video; absent for others. */
  seconds?: number;
  warnings: string[];
  /** Media credits used; absent if it was free. */
  credits?: number;
}

export interface ConvertPorts {
  jobs: Pick<JobRepository, 'transition' | 'setProgress'>;
  blobs: Pick<BlobStore, 'localPath' | 'adopt'>;
  scratch: Pick<Scratch, 'use'>;
  converters: Pick<Converters, 'convert'>;
}

/** Builds `convert`, which runs the engine and stores the result as a blob. `publish` makes it visible. */
export function createConvert({ jobs, blobs, scratch, converters }: ConvertPorts) {
  return async function convert({
    job,
    blobId: inputBlobId,
    steps,
    price,
  }: { job: Job } & AcquiredFile): Promise<ConvertedFile> {
    const jobId = job._id;
    const { cancellationSignal: signal } = Context.current();
    const [step] = steps;
    if (!step || steps.length > 1)
      throw new KilnError('NOT_SUPPORTED', 'This conversion needs more than one step.');
    const patch = { progress: { percent: 0, stage: 'converting' } };
    const begun = await jobs.transition(jobId, { to: 'processing', cause: 'processing', patch });
    // The attempt of a killed worker may have begun already, and the job may have ended since.
    if (begun.status !== 'processing') rejectTransition(begun, 'processing');
    const progress = coalesced((value) => jobs.setProgress(jobId, value));
    try {
      return await scratch.use(async (dir) => {
        const fileId = outputFileId(jobId, 0);
        const outputPath = join(dir, 'output');
        const inputPath = await blobs.localPath(inputBlobId, dir);
        const onProgress = (percent: number) => progress.report({ percent, stage: 'converting' });
        const outcome = await converters.convert(step, { inputPath, outputPath, signal, onProgress });
        const { seconds } = outcome.output;
        const blobId = newAttemptBlobId(outputBlobs(jobId, 0));
        const { size, sha256 } = await blobs.adopt(blobId, outputPath);
        return {
          fileId,
          blobId,
          size,
          sha256,
          source: step.source,
          engine: outcome.engine,
          engineMs: outcome.engineMs,
          width: outcome.output.width ?? null,
          height: outcome.output.height ?? null,
          ...(seconds !== undefined && { seconds }),
          warnings: outcome.warnings,
          ...(price && { credits: creditsUsed(price, seconds) }),
        };
      });
    } finally {
      progress.stop();
    }
  };
}

function coalesced(write: (progress: JobProgress) => Promise<void>) {
  let next: JobProgress | undefined;
  let timer: NodeJS.Timeout | undefined;
  return {
    report(progress: JobProgress) {
      next = progress;
      timer ??= setTimeout(() => {
        timer = undefined;
        // Progress is optional: a failed write must not fail the conversion.
        if (next) write(next).catch(() => {});
      }, PROGRESS_MS);
    },
    stop() {
      clearTimeout(timer);
    },
  };
}
