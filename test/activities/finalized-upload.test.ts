import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ActivityHarness, createActivityHarness } from '../support/harness/activity-harness.ts';
import { PICTURE, PNG } from '../support/harness/job-harness.ts';

let harness: ActivityHarness;

beforeAll(async () => {
  harness = await createActivityHarness();
});
afterAll(() => harness.close());

const request = { dialect: 'graphql', input: { upload: PICTURE }, target: 'webp' } as const;

/** A queued job whose upload was finalized by a process that died before the upload became a file. */
async function halfWay(): Promise<{ jobId: string; uploadId: string }> {
  const { job, upload } = await harness.submitJob(request);
  const uploadId = upload?._id ?? '';
  await harness.receiveUpload(uploadId, Readable.from([PNG]));
  await harness.uploads.finalize(uploadId);
  await harness.jobs.transition(job._id, { to: 'queued', cause: 'upload-completed' });
  return { jobId: job._id, uploadId };
}

describe('an upload that was finalized by a process which died before it became a file', () => {
  it('is converted all the same', async () => {
    const { jobId, uploadId } = await halfWay();
    const { blobId } = await harness.run('acquire', { jobId });
    expect(await harness.files.get(uploadId)).toMatchObject({
      blobId,
      jobId,
      size: PNG.length,
      format: 'png',
    });
  });

  it('is a file for whoever asks for it', async () => {
    const { uploadId } = await halfWay();
    const { job } = await harness.submitJob({ ...request, input: { fileId: uploadId } });
    expect(job).toMatchObject({ status: 'queued', inputs: [{ fileId: uploadId, status: 'ready' }] });
  });

  it('does not come back once its job has given it up', async () => {
    const { jobId, uploadId } = await halfWay();
    await harness.jobs.transition(jobId, { to: 'cancelled', cause: 'ended' });
    await harness.run('discardFiles', { jobId });
    await harness.completeUpload(null, uploadId);
    await expect(harness.files.get(uploadId)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await harness.collections.files.countDocuments({ _id: uploadId })).toBe(0);
  });

  it('does not come back once its time as a file is over', async () => {
    const { uploadId } = await halfWay();
    await harness.collections.uploads.updateOne({ _id: uploadId }, { $set: { finalizedAt: new Date(0) } });
    await expect(harness.files.get(uploadId)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await harness.collections.files.countDocuments({ _id: uploadId })).toBe(0);
  });
});
