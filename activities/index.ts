import type { Capabilities } from '../src/app/app.ts';
import { isTerminal, type Job, refuseMove } from '../src/domain/jobs/job.ts';
import { createAcquire } from './acquire.ts';
import { createInTurn } from './admit.ts';
import { createAttemptDelivery } from './attempt-delivery.ts';
import { createBatchActivities } from './batch.ts';
import { createCharge } from './charge.ts';
import { createConvert } from './convert.ts';
import { createConvertSmallFile } from './convert-small-file.ts';
import { createDiscardFiles } from './discard-files.ts';
import { failuresTranslated } from './failure.ts';
import { createGrantMonth } from './grant-month.ts';
import { whileHeartbeating } from './heartbeat.ts';
import { createPrepareCallback } from './notify.ts';
import { createPackBatch } from './pack-batch.ts';
import { createPublish } from './publish.ts';
import { createRecord } from './record.ts';
import { createSweepActivity } from './sweep.ts';

/** Everything that workflows may ask for, bound to the capabilities of this process. */
export function createActivities(capabilities: Capabilities) {
  const acquire = createAcquire(capabilities);
  const convert = createConvert(capabilities);
  const publish = createPublish(capabilities);
  const convertSmallFile = createConvertSmallFile({ acquire, convert, publish });
  const onJob = withJob(capabilities);
  const inTurn = createInTurn(capabilities);
  return failuresTranslated({
    acquire: onJob(inTurn(acquire)),
    convert: onJob(convert),
    publish: onJob(publish),
    convertSmallFile: onJob(inTurn(convertSmallFile)),
    ...createRecord(capabilities),
    discardFiles: createDiscardFiles(capabilities),
    ...createCharge(capabilities),
    ...createBatchActivities(capabilities),
    packBatch: createPackBatch(capabilities),
    sweep: createSweepActivity(capabilities),
    grantMonth: createGrantMonth(capabilities),
    prepareCallback: createPrepareCallback(capabilities),
    attemptDelivery: createAttemptDelivery(capabilities),
  });
}

/** Workflows know a job by its id; the work needs the job itself, and Temporal a sign of life meanwhile. */
function withJob({ jobs }: Pick<Capabilities, 'jobs'>) {
  return <Input extends { job: Job }, Result>(work: (input: Input) => Promise<Result>) =>
    (input: Omit<Input, 'job'> & { jobId: string }): Promise<Result> =>
      whileHeartbeating(async () => {
        const job = await jobs.get(input.jobId);
        // A second run, or one that was told late, takes nobody's place and moves no byte.
        if (isTerminal(job.status)) refuseMove(job, 'processing');
        // The compiler cannot see that what was left out is put back here.
        return work({ ...input, job } as unknown as Input);
      });
}

export type Activities = ReturnType<typeof createActivities>;
