import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createLog } from '../../../src/log.ts';
import { jobStart } from '../../../src/operations/jobs/job-start.ts';
import { createRepairJobs } from '../../../src/operations/jobs/repair-jobs.ts';
import { createJobHarness, type JobHarness, PICTURE, PNG } from '../../support/harness/job-harness.ts';
import { aFile } from '../../support/records.ts';

let harness: JobHarness;
let repair: ReturnType<typeof createRepairJobs>;

beforeAll(async () => {
  harness = await createJobHarness();
});
beforeEach(() => {
  repair = createRepairJobs({ ...harness, log: createLog('silent') });
});
afterAll(() => harness.close());

/** A job that waits for its upload in Temporal, while all bytes of it are in the database. */
async function uploadedUntold(): Promise<{ jobId: string; uploadId: string }> {
  const { caller } = await harness.newPayer(10);
  const request = { dialect: 'graphql', input: { upload: PICTURE }, target: 'webp' } as const;
  const { job, upload } = await harness.submitJob(request, caller);
  const uploadId = upload?._id ?? '';
  const { size, sha256 } = await harness.receiveUpload(uploadId, Readable.from([PNG]));
  await harness.uploads.finalize(uploadId);
  const { blobId } = await harness.uploads.get(uploadId);
  await harness.files.insertIfAbsent(
    aFile({ _id: uploadId, owner: job.owner, blobId: blobId ?? '', size, sha256, jobId: job._id }),
  );
  return { jobId: job._id, uploadId };
}

/** As if everybody had looked away for long. */
async function age(jobId: string): Promise<void> {
  const repairAt = new Date(Date.now() - 1000);
  await harness.collections.jobs.updateOne({ _id: jobId }, { $set: { repairAt } });
}

describe('news of an upload that died with a process', () => {
  it.each([
    ['before the job was queued', 'awaiting_upload'],
    ['after the job was queued', 'queued'],
    ['after the job was processed by an attempt that nobody remembers', 'processing'],
  ] as const)('%s is told again by the repair', async (_, status) => {
    const { jobId } = await uploadedUntold();
    if (status !== 'awaiting_upload')
      await harness.jobs.transition(jobId, { to: 'queued', cause: 'upload-completed' });
    if (status === 'processing')
      await harness.jobs.transition(jobId, { to: 'processing', cause: 'processing' });
    await age(jobId);
    await repair();
    expect(await harness.ended(jobId)).toEqual({ status: 'ready' });
    expect(harness.runsOf(jobId)).toBe(1);
  });

  it('is told again as often as it takes', async () => {
    const { jobId } = await uploadedUntold();
    const job = await harness.jobs.get(jobId);
    await Promise.all([
      harness.runner.uploadCompleted(jobStart(job)),
      harness.runner.uploadCompleted(jobStart(job)),
    ]);
    expect(await harness.ended(jobId)).toEqual({ status: 'ready' });
  });
});
