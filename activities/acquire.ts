import { createHash } from 'node:crypto';
import { Context } from '@temporalio/activity';
import type { BlobStore } from '../src/blobs/blob-store.ts';
import type { Scratch } from '../src/blobs/scratch.ts';
import type { Converters } from '../src/converters/converters.ts';
import { type Price, priceOfSteps } from '../src/domain/credits/price.ts';
import { hasCode, KilnError } from '../src/domain/errors.ts';
import type { StoredFile } from '../src/domain/files/file.ts';
import { DETECT_BYTES, detectFormat } from '../src/domain/formats/detect.ts';
import { findFormat } from '../src/domain/formats/find-format.ts';
import type { Job, JobConversion, JobInput, StoredError } from '../src/domain/jobs/job.ts';
import { type ConvertStep, planConversion } from '../src/domain/jobs/plan.ts';
import type { FileRepository } from '../src/store/files.ts';
import type { UploadRepository } from '../src/store/uploads.ts';

export interface AcquiredFile {
  blobId: string;
  steps: ConvertStep[];
  /** Absent if the conversion is free; else `ceiling` credits must be held before it begins. */
  price?: Price;
}

/** What `acquire` reads uploads, bytes and media info with. */
export interface AcquirePorts {
  uploads: Pick<UploadRepository, 'get'>;
  files: Pick<FileRepository, 'getKept' | 'setMediaInfo'>;
  blobs: Pick<BlobStore, 'localPath' | 'read'>;
  scratch: Pick<Scratch, 'use'>;
  converters: Pick<Converters, 'probe'>;
}

/**
 * Builds `acquire`, which verifies a job's input, plans its steps and prices them. Nothing that was declared is
 * trusted: size and digest are computed again, and the format is read from the bytes.
 */
export function createAcquire({ uploads, files, blobs, scratch, converters }: AcquirePorts) {
  return async function acquire({ job }: { job: Job }): Promise<AcquiredFile> {
    const { cancellationSignal: signal } = Context.current();
    const { input, conversion } = inputAndConversion(job);
    const file = await fileOf(input);
    const head = await verify(file, input, signal);
    const source = identify(head, file, conversion);
    const steps = planConversion({ source, target: conversion.target, options: conversion.options });
    const mediaInfo = await scratch.use(async (dir) =>
      converters.probe(source, await blobs.localPath(file.blobId, dir), signal),
    );
    if (file.format === null) {
      await files.setMediaInfo(file._id, {
        format: source,
        width: mediaInfo.width ?? null,
        height: mediaInfo.height ?? null,
        seconds: mediaInfo.seconds ?? null,
      });
    }
    const price = priceOfSteps(steps, mediaInfo.seconds);
    return { blobId: file.blobId, steps, ...(price && { price }) };
  };

  async function fileOf(input: JobInput): Promise<StoredFile> {
    try {
      // Expired or not: an open job keeps its file.
      return await files.getKept(input.fileId);
    } catch (error) {
      if (!hasCode(error, 'NOT_FOUND')) throw error;
      const uploadError = await uploadErrorOf(input);
      throw uploadError
        ? new KilnError(uploadError.code, uploadError.message)
        : new KilnError('UPLOAD_MISSING', 'The file is not there any more.', { cause: error });
    }
  }

  /** Returns why the upload was rejected; null if it was not, or if the file is a result and had no upload. */
  async function uploadErrorOf(input: JobInput): Promise<StoredError | null> {
    try {
      return (await uploads.get(input.fileId)).fault;
    } catch (error) {
      if (!hasCode(error, 'NOT_FOUND')) throw error;
      return null;
    }
  }

  /**
   * Reads the whole file and returns its first bytes. @throws KilnError EMPTY_FILE, SIZE_MISMATCH, CORRUPT_INPUT.
   */
  async function verify(file: StoredFile, input: JobInput, signal: AbortSignal): Promise<Buffer> {
    const hash = createHash('sha256');
    const head: Buffer[] = [];
    let size = 0;
    for await (const chunk of await blobs.read(file.blobId)) {
      if (size < DETECT_BYTES) head.push(chunk.subarray(0, DETECT_BYTES - size));
      hash.update(chunk);
      size += chunk.length;
      signal.throwIfAborted();
    }
    if (size === 0) throw new KilnError('EMPTY_FILE', 'The file is empty.');
    if (size !== input.size) {
      throw new KilnError('SIZE_MISMATCH', `The file has ${size} bytes, but ${input.size} were announced.`);
    }
    if (hash.digest('hex') !== file.sha256) {
      throw new KilnError('CORRUPT_INPUT', 'The stored file has changed since it was uploaded.');
    }
    return Buffer.concat(head);
  }
}

/** Returns the first input and conversion; jobs have only one so far. @throws KilnError INVALID_INPUT without. */
export function inputAndConversion(job: Job): { input: JobInput; conversion: JobConversion } {
  const [input] = job.inputs;
  const [conversion] = job.conversions;
  if (!input || !conversion) throw new KilnError('INVALID_INPUT', 'The job has no input or no conversion.');
  return { input, conversion };
}

/** Returns the format of the bytes. @throws KilnError TYPE_MISMATCH if unknown, or not the requested source. */
function identify(head: Buffer, file: StoredFile, { source: wanted }: JobConversion): string {
  const found = detectFormat(head, file.filename);
  if (!found) {
    throw new KilnError(
      'TYPE_MISMATCH',
      'The content of the file is not of a type that Kiln can read, whatever its name says.',
    );
  }
  if (wanted && wanted !== found) {
    const name = (id: string) => findFormat(id)?.name ?? id;
    throw new KilnError(
      'TYPE_MISMATCH',
      `The file was announced as ${name(wanted)}, but its content is ${name(found)}.`,
    );
  }
  return found;
}
