import type { Capabilities } from '../src/app.ts';
import { findFormat } from '../src/domain/format.ts';
import { type Job, resultName } from '../src/domain/job.ts';
import { only } from './acquire.ts';
import { type ConvertedFile, outputBlobId } from './convert.ts';

/** Makes the result a named file that expires. Repeating it changes nothing. */
export function createPublish({ files, fileMs }: Capabilities) {
  return async function publish({
    job,
    converted,
  }: {
    job: Job;
    converted: ConvertedFile;
  }): Promise<ConvertedFile> {
    const { target } = only(job).conversion;
    const createdAt = new Date();
    await files.insertIfAbsent({
      _id: converted.fileId,
      owner: job.owner,
      blobId: outputBlobId(converted.fileId),
      filename: resultName(job),
      size: converted.size,
      sha256: converted.sha256,
      format: target,
      mime: findFormat(target)?.mime ?? 'application/octet-stream',
      width: converted.width,
      height: converted.height,
      seconds: converted.seconds ?? null,
      origin: 'output',
      jobId: job._id,
      createdAt,
      expiresAt: new Date(createdAt.getTime() + fileMs),
    });
    return converted;
  };
}
