import { createCompleteUpload } from '../operations/files/complete-upload.ts';
import { createFiles } from '../operations/files/files.ts';
import { createPrepareUpload } from '../operations/files/prepare-upload.ts';
import { createReceiveUpload } from '../operations/files/receive-upload.ts';
import { createSweep } from '../operations/files/sweep.ts';
import type { Infrastructure } from './infrastructure.ts';
import type { Jobs } from './jobs.ts';
import type { Webhooks } from './webhooks.ts';

/** Everything about files: announcing one, sending its bytes, reading it, and removing it when its time is over. */
export function filesSlice(
  shared: Infrastructure,
  { submission }: Pick<Jobs, 'submission'>,
  { emittingUpload }: Pick<Webhooks, 'emittingUpload'>,
) {
  const { uploads, files, blobs, scratch, links, config } = shared;
  return {
    operations: {
      prepareUpload: createPrepareUpload(submission),
      receiveUpload: createReceiveUpload(submission),
      completeUpload: emittingUpload(createCompleteUpload(submission)),
      ...createFiles(shared),
      links,
    },
    activityPorts: {
      uploads,
      files,
      blobs,
      scratch,
      fileMs: config.retention.fileMs,
      sweep: createSweep({ ...shared, lifetimes: config.retention }),
    },
  };
}
