import type { Job } from '../src/domain/jobs/job.ts';
import type { AcquiredFile, createAcquire } from './acquire.ts';
import type { ConvertedFile, createConvert } from './convert.ts';
import type { createPublish } from './publish.ts';

export interface ConvertSmallFileParts {
  acquire: ReturnType<typeof createAcquire>;
  convert: ReturnType<typeof createConvert>;
  publish: ReturnType<typeof createPublish>;
}

/**
 * Acquire, convert and publish in one go: for a small file each further activity would cost more than the work.
 * What costs credits is handed back as it was acquired: they must be held before it goes on.
 */
export function createConvertSmallFile({ acquire, convert, publish }: ConvertSmallFileParts) {
  return async function convertSmallFile({ job }: { job: Job }): Promise<ConvertedFile | AcquiredFile> {
    const acquired = await acquire({ job });
    if (acquired.price) return acquired;
    return publish({ job, converted: await convert({ job, ...acquired }) });
  };
}
