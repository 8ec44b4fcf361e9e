import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createLog } from '../../src/log.ts';
import { jobStart } from '../../src/operations/jobs/job-start.ts';
import { createRepairJobs } from '../../src/operations/jobs/repair-jobs.ts';
import { createJobBench, type JobBench, PICTURE, PNG } from '../support/bench/job-bench.ts';
import { aFile } from '../support/records.ts';

let bench: JobBench;
let repair: ReturnType<typeof createRepairJobs>;

beforeAll(async () => {
  bench = await createJobBench();
});
beforeEach(() => {
  repair = createRepairJobs({ ...bench, log: createLog('silent') });
});
afterAll(() => bench.close());

/** A job that waits for its upload in Temporal, while all bytes of it are in the database. */
async function uploadedUntold(): Promise<{ jobId: string; uploadId: string }> {
  const { caller } = await bench.newPayer(10);
  const wish = { dialect: 'graphql', input: { upload: PICTURE }, target: 'webp' } as const;
  const { job, upload } = await bench.submitJob(wish, caller);
  const uploadId = upload?._id ?? '';
  const { size, sha256 } = await bench.receiveUpload(uploadId, Readable.from([PNG]));
  await bench.uploads.finalize(uploadId);
  const { blobId } = await bench.uploads.get(uploadId);
  await bench.files.insertIfAbsent(
    aFile({ _id: uploadId, owner: job.owner, blobId: blobId ?? '', size, sha256, jobId: job._id }),
  );
  return { jobId: job._id, uploadId };
}

/** As if everybody had looked away for long. */
async function age(jobId: string): Promise<void> {
  const repairAt = new Date(Date.now() - 1000);
  await bench.collections.jobs.updateOne({ _id: jobId }, { $set: { repairAt } });
}

describe('news of an upload that died with a process', () => {
  it.each([
    ['before the job was queued', 'awaiting_upload'],
    ['after the job was queued', 'queued'],
    ['after the job was processed by an attempt that nobody remembers', 'processing'],
  ] as const)('%s is told again by the repair', async (_, status) => {
    const { jobId } = await uploadedUntold();
    if (status !== 'awaiting_upload')
      await bench.jobs.transition(jobId, { to: 'queued', cause: 'upload-completed' });
    if (status === 'processing')
      await bench.jobs.transition(jobId, { to: 'processing', cause: 'processing' });
    await age(jobId);
    await repair();
    expect(await bench.ended(jobId)).toEqual({ status: 'ready' });
    expect(bench.runsOf(jobId)).toBe(1);
  });

  it('is told again as often as it takes', async () => {
    const { jobId } = await uploadedUntold();
    const job = await bench.jobs.get(jobId);
    await Promise.all([
      bench.runner.uploadCompleted(jobStart(job)),
      bench.runner.uploadCompleted(jobStart(job)),
    ]);
    expect(await bench.ended(jobId)).toEqual({ status: 'ready' });
  });
});
