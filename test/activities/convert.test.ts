import { CancelledFailure } from '@temporalio/common';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ActivityHarness, createActivityHarness } from '../support/harness/activity-harness.ts';

let harness: ActivityHarness;
let png: Buffer;

beforeAll(async () => {
  harness = await createActivityHarness();
  const create = { width: 40, height: 30, channels: 3, background: '#3366cc' } as const;
  png = await sharp({ create }).png().toBuffer();
});
afterAll(() => harness.close());

const failure = (type: string, message: RegExp) => ({
  type,
  nonRetryable: true,
  message: expect.stringMatching(message),
});

describe('a conversion', () => {
  it('makes a named file that can be opened and expires', async () => {
    const { jobId } = await harness.upload(png, { filename: 'My photo.png', options: { width: 20 } });
    const converted = await harness.run('convertSmallFile', { jobId });
    const file = await harness.files.get(converted.fileId);
    expect(file).toMatchObject({
      filename: 'My photo.webp',
      mime: 'image/webp',
      format: 'webp',
      origin: 'output',
      jobId,
      width: 20,
      height: 15,
      size: converted.size,
    });
    const image = await sharp(await harness.blobs.localPath(file.blobId, harness.dir)).metadata();
    expect(image).toMatchObject({ format: 'webp', width: 20, height: 15 });
    expect(file.expiresAt.getTime()).toBeGreaterThan(Date.now());
    expect(await harness.jobs.get(jobId)).toMatchObject({ status: 'processing' });
  });

  it('leaves one file and one blob, however often it is repeated', async () => {
    const { jobId } = await harness.upload(png);
    const before = (await harness.filesOnDisk()).length;
    const first = await harness.run('convertSmallFile', { jobId });
    const second = await harness.run('convertSmallFile', { jobId });
    expect({ ...second, engineMs: 0 }).toEqual({ ...first, engineMs: 0 });
    expect(await harness.collections.files.countDocuments({ jobId, origin: 'output' })).toBe(1);
    expect(await harness.filesOnDisk()).toHaveLength(before + 1);
    expect((await harness.jobs.get(jobId)).events.map(({ cause }) => cause)).toEqual([
      'submitted',
      'upload-completed',
      'processing',
    ]);
  });

  it('of a truncated picture fails for good and leaves nothing but the upload', async () => {
    const noise = await sharp({
      create: {
        width: 300,
        height: 300,
        channels: 3,
        background: 'grey',
        noise: { type: 'gaussian', mean: 128, sigma: 60 },
      },
    })
      .jpeg()
      .toBuffer();
    const { jobId } = await harness.upload(noise.subarray(0, noise.length / 2), { filename: 'photo.jpg' });
    const before = await harness.filesOnDisk();
    await expect(harness.run('convertSmallFile', { jobId })).rejects.toMatchObject(
      failure('CORRUPT_INPUT', /damaged|not a complete/),
    );
    expect(await harness.filesOnDisk()).toEqual(before);
  });

  it('that is cancelled stops and leaves nothing but the upload', async () => {
    const { jobId } = await harness.upload(png);
    const before = await harness.filesOnDisk();
    const { cancel, result } = harness.cancellable('convertSmallFile', { jobId });
    cancel();
    await expect(result).rejects.toBeInstanceOf(CancelledFailure);
    expect(await harness.filesOnDisk()).toEqual(before);
  });

  it.each(['cancelled', 'failed'] as const)('of a job that is %s by now is not begun again', async (to) => {
    const { jobId } = await harness.upload(png);
    await harness.run('convertSmallFile', { jobId });
    await harness.jobs.transition(jobId, { to, cause: 'ended' });
    await harness.run('discardFiles', { jobId });
    const acquired = {
      blobId: 'gone',
      steps: [{ category: 'image', source: 'png', target: 'webp', options: {} }],
    };
    await expect(
      harness.run('convert', { jobId, ...acquired } as Parameters<typeof harness.run<'convert'>>[1]),
    ).rejects.toMatchObject({ type: 'WRONG_STATE', nonRetryable: true });
  });
});
