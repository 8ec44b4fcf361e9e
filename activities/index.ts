import type { Capabilities } from '../src/app.ts';
import { createAcquire } from './acquire.ts';
import { createConvert } from './convert.ts';
import { createConvertSmallFile } from './convert-small-file.ts';
import { createDiscardFiles } from './discard-files.ts';
import { failuresTranslated } from './failure.ts';
import { createAttemptDelivery, createPrepareCallback } from './notify.ts';
import { createPublish } from './publish.ts';
import { createRecord } from './record.ts';

/** Everything that workflows may ask for, bound to the capabilities of this process. */
export function createActivities(capabilities: Capabilities) {
  const record = createRecord(capabilities);
  const acquire = createAcquire(capabilities);
  const convert = createConvert(capabilities);
  const publish = createPublish(capabilities);
  return failuresTranslated({
    acquire,
    convert,
    publish,
    convertSmallFile: createConvertSmallFile({ acquire, convert, publish }),
    recordQueued: record.recordQueued,
    recordEnd: record.recordEnd,
    discardFiles: createDiscardFiles(capabilities),
    prepareCallback: createPrepareCallback(capabilities),
    attemptDelivery: createAttemptDelivery(capabilities),
  });
}

export type Activities = ReturnType<typeof createActivities>;
