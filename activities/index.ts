import { isTerminal, type Job, rejectTransition } from '../src/domain/jobs/job.ts';
import type { JobRepository } from '../src/store/jobs.ts';
import { type AcquirePorts, createAcquire } from './acquire.ts';
import { createWhenAdmitted, type WhenAdmittedPorts } from './admit.ts';
import { type AttemptDeliveryPorts, createAttemptDelivery } from './attempt-delivery.ts';
import { type BatchActivityPorts, createBatchActivities } from './batch.ts';
import { type ChargePorts, createCharge } from './charge.ts';
import { type ConvertPorts, createConvert } from './convert.ts';
import { createConvertSmallFile } from './convert-small-file.ts';
import { createDiscardFiles, type DiscardFilesPorts } from './discard-files.ts';
import { translateFailures } from './failure.ts';
import { createGrantMonth, type GrantMonthPorts } from './grant-month.ts';
import { whileHeartbeating } from './heartbeat.ts';
import { createPrepareCallback, type PrepareCallbackPorts } from './notify.ts';
import { createPackBatch, type PackBatchPorts } from './pack-batch.ts';
import { createPublish, type PublishPorts } from './publish.ts';
import { createRecord, type RecordPorts } from './record.ts';
import { createSweepActivity, type SweepPorts } from './sweep.ts';

/** The ports of all activities together. */
export type ActivityPorts = AcquirePorts &
  AttemptDeliveryPorts &
  BatchActivityPorts &
  ChargePorts &
  ConvertPorts &
  DiscardFilesPorts &
  GrantMonthPorts &
  WhenAdmittedPorts &
  JobPorts &
  PackBatchPorts &
  PrepareCallbackPorts &
  PublishPorts &
  RecordPorts &
  SweepPorts;

/** Builds every activity that workflows call. */
export function createActivities(ports: ActivityPorts) {
  const acquire = createAcquire(ports);
  const convert = createConvert(ports);
  const publish = createPublish(ports);
  const convertSmallFile = createConvertSmallFile({ acquire, convert, publish });
  const onJob = withJob(ports);
  const whenAdmitted = createWhenAdmitted(ports);
  return translateFailures({
    acquire: onJob(whenAdmitted(acquire)),
    convert: onJob(convert),
    publish: onJob(publish),
    convertSmallFile: onJob(whenAdmitted(convertSmallFile)),
    ...createRecord(ports),
    discardFiles: createDiscardFiles(ports),
    ...createCharge(ports),
    ...createBatchActivities(ports),
    packBatch: createPackBatch(ports),
    sweep: createSweepActivity(ports),
    grantMonth: createGrantMonth(ports),
    prepareCallback: createPrepareCallback(ports),
    attemptDelivery: createAttemptDelivery(ports),
  });
}

interface JobPorts {
  jobs: Pick<JobRepository, 'get'>;
}

/**
 * Builds a wrapper that reads the job of the `jobId` in the input and runs the work with heartbeats.
 * @throws KilnError WRONG_STATE if the job has ended.
 */
function withJob({ jobs }: JobPorts) {
  return <Input extends { job: Job }, Result>(work: (input: Input) => Promise<Result>) =>
    (input: Omit<Input, 'job'> & { jobId: string }): Promise<Result> =>
      whileHeartbeating(async () => {
        const job = await jobs.get(input.jobId);
        // A repeated or late run must not take a concurrency slot or touch any bytes.
        if (isTerminal(job.status)) rejectTransition(job, 'processing');
        // The compiler cannot see that what was left out is put back here.
        return work({ ...input, job } as unknown as Input);
      });
}

export type Activities = ReturnType<typeof createActivities>;
