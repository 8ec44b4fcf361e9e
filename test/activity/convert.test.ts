import { CancelledFailure } from '@temporalio/common';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ActivityBench, createActivityBench } from '../support/bench/activity-bench.ts';

let bench: ActivityBench;
let png: Buffer;

beforeAll(async () => {
  bench = await createActivityBench();
  const create = { width: 40, height: 30, channels: 3, background: '#3366cc' } as const;
  png = await sharp({ create }).png().toBuffer();
});
afterAll(() => bench.close());

const failure = (type: string, message: RegExp) => ({
  type,
  nonRetryable: true,
  message: expect.stringMatching(message),
});

describe('a conversion', () => {
  it('makes a named file that can be opened and expires', async () => {
    const { jobId } = await bench.upload(png, { filename: 'My photo.png', options: { width: 20 } });
    const converted = await bench.run('convertSmallFile', { jobId });
    const file = await bench.files.get(converted.fileId);
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
    const image = await sharp(await bench.blobs.localPath(file.blobId, bench.dir)).metadata();
    expect(image).toMatchObject({ format: 'webp', width: 20, height: 15 });
    expect(file.expiresAt.getTime()).toBeGreaterThan(Date.now());
    expect(await bench.jobs.get(jobId)).toMatchObject({ status: 'processing' });
  });

  it('leaves one file and one blob, however often it is repeated', async () => {
    const { jobId } = await bench.upload(png);
    const before = (await bench.filesOnDisk()).length;
    const first = await bench.run('convertSmallFile', { jobId });
    const second = await bench.run('convertSmallFile', { jobId });
    expect({ ...second, engineMs: 0 }).toEqual({ ...first, engineMs: 0 });
    expect(await bench.collections.files.countDocuments({ jobId, origin: 'output' })).toBe(1);
    expect(await bench.filesOnDisk()).toHaveLength(before + 1);
    expect((await bench.jobs.get(jobId)).events.map(({ cause }) => cause)).toEqual([
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
    const { jobId } = await bench.upload(noise.subarray(0, noise.length / 2), { filename: 'photo.jpg' });
    const before = await bench.filesOnDisk();
    await expect(bench.run('convertSmallFile', { jobId })).rejects.toMatchObject(
      failure('CORRUPT_INPUT', /damaged|not a complete/),
    );
    expect(await bench.filesOnDisk()).toEqual(before);
  });

  it('that is cancelled stops and leaves nothing but the upload', async () => {
    const { jobId } = await bench.upload(png);
    const before = await bench.filesOnDisk();
    const { cancel, result } = bench.cancellable('convertSmallFile', { jobId });
    cancel();
    await expect(result).rejects.toBeInstanceOf(CancelledFailure);
    expect(await bench.filesOnDisk()).toEqual(before);
  });

  it.each(['cancelled', 'failed'] as const)('of a job that is %s by now is not begun again', async (to) => {
    const { jobId } = await bench.upload(png);
    await bench.run('convertSmallFile', { jobId });
    await bench.jobs.transition(jobId, { to, cause: 'ended' });
    await bench.run('discardFiles', { jobId }).catch(() => {});
    const acquired = {
      blobId: 'gone',
      steps: [{ category: 'image', source: 'png', target: 'webp', options: {} }],
    };
    await expect(
      bench.run('convert', { jobId, ...acquired } as Parameters<typeof bench.run<'convert'>>[1]),
    ).rejects.toMatchObject({ type: 'WRONG_STATE', nonRetryable: true });
  });
});
