import { writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { CancelledFailure } from '@temporalio/common';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConversionError } from '../../src/domain/errors.ts';
import { type ActivityBench, createActivityBench } from '../support/activity-bench.ts';

let bench: ActivityBench;
let png: Buffer;

beforeAll(async () => {
  bench = await createActivityBench();
  const create = { width: 40, height: 30, channels: 3, background: '#3366cc' } as const;
  png = await sharp({ create }).png().toBuffer();
});
afterAll(() => bench.close());

/** Puts other bytes under an uploaded blob, as a failing disk would. */
async function damage(uploadId: string, bytes: Uint8Array): Promise<void> {
  const { blobId } = await bench.files.get(uploadId);
  await writeFile(await bench.blobs.localPath(blobId, bench.dir), bytes);
}

const failure = (type: string, message: RegExp) => ({
  type,
  nonRetryable: true,
  message: expect.stringMatching(message),
});

describe('acquire', () => {
  it('plans by the bytes and notes what they are', async () => {
    const { jobId, uploadId } = await bench.upload(png, { filename: 'lies.jpg', target: 'webp' });
    const { blobId, steps } = await bench.run('acquire', { jobId });
    expect(steps).toMatchObject([{ source: 'png', target: 'webp' }]);
    expect(await bench.files.get(uploadId)).toMatchObject({ blobId, format: 'png', width: 40, height: 30 });
  });

  it('refuses bytes of another size than announced', async () => {
    const { jobId, uploadId } = await bench.upload(png);
    await damage(uploadId, png.subarray(0, 50));
    await expect(bench.run('acquire', { jobId })).rejects.toMatchObject(
      failure('SIZE_MISMATCH', new RegExp(`has 50 bytes, but ${png.length} were announced`)),
    );
  });

  it('refuses bytes that have changed since they were uploaded', async () => {
    const { jobId, uploadId } = await bench.upload(png);
    await damage(uploadId, Buffer.concat([png.subarray(0, -1), Buffer.from([0])]));
    await expect(bench.run('acquire', { jobId })).rejects.toMatchObject(failure('CORRUPT_INPUT', /changed/));
  });

  it('refuses a file that is empty', async () => {
    const { jobId, uploadId } = await bench.upload(png);
    await damage(uploadId, Buffer.alloc(0));
    await expect(bench.run('acquire', { jobId })).rejects.toMatchObject(failure('EMPTY_FILE', /empty/));
  });

  it.each([
    ['a program', Buffer.concat([Buffer.from('7f454c46', 'hex'), Buffer.alloc(100)])],
    ['a script', Buffer.from('#!/bin/sh\nrm -rf /\n')],
    ['a page', Buffer.from('<!doctype html><script>alert(1)</script>')],
  ])('refuses %s, whatever it is called', async (_name, bytes) => {
    const { jobId } = await bench.upload(bytes, { filename: 'photo.png' });
    await expect(bench.run('acquire', { jobId })).rejects.toMatchObject(
      failure('TYPE_MISMATCH', /not of a type/),
    );
  });

  it('refuses another format than the caller insisted on', async () => {
    const { jobId } = await bench.upload(png, { source: 'jpg' });
    await expect(bench.run('acquire', { jobId })).rejects.toMatchObject(
      failure('TYPE_MISMATCH', /announced as JPEG, but its content is PNG/),
    );
  });

  it('says of a rejected upload why it was rejected', async () => {
    const input = { upload: { filename: 'photo.png', mime: 'image/png', size: 10 } };
    const { job, upload } = await bench.submitJob({ dialect: 'graphql', input, target: 'webp' });
    await bench.receiveUpload(upload?._id ?? '', Readable.from([png])).catch(() => {});
    await expect(bench.run('acquire', { jobId: job._id })).rejects.toMatchObject(
      failure('SIZE_MISMATCH', /more than the 10 bytes/),
    );
  });

  it('says that a file is not there any more', async () => {
    const { jobId, uploadId } = await bench.upload(png);
    await bench.files.remove(uploadId);
    await expect(bench.run('acquire', { jobId })).rejects.toMatchObject(
      failure('UPLOAD_MISSING', /any more/),
    );
    await bench.collections.uploads.deleteOne({ _id: uploadId });
    await expect(bench.run('acquire', { jobId })).rejects.toMatchObject(
      failure('UPLOAD_MISSING', /any more/),
    );
  });

  it('may be repeated', async () => {
    const { jobId } = await bench.upload(png);
    expect(await bench.run('acquire', { jobId })).toEqual(await bench.run('acquire', { jobId }));
  });
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

describe('the end of a job', () => {
  it('ready: shows the result and what was read', async () => {
    const { jobId } = await bench.upload(png);
    const converted = await bench.run('convertSmallFile', { jobId });
    expect(await bench.run('recordEnd', { jobId, end: { to: 'ready', outputs: [converted] } })).toBe('ready');
    expect(await bench.jobs.get(jobId)).toMatchObject({
      status: 'ready',
      error: null,
      progress: { percent: 100 },
      inputs: [{ status: 'ready', format: 'png' }],
      conversions: [{ status: 'ready', source: 'png', engine: expect.stringContaining('sharp') }],
      outputs: [{ fileId: converted.fileId, filename: 'photo.webp', size: converted.size, width: 40 }],
    });
  });

  it('failed: says why, on the job and on the conversion', async () => {
    const { jobId } = await bench.upload(png);
    const fault = { code: 'CORRUPT_INPUT', message: 'The file is damaged.' } as const;
    expect(await bench.run('recordEnd', { jobId, end: { to: 'failed', fault } })).toBe('failed');
    const job = await bench.jobs.get(jobId);
    expect(job).toMatchObject({
      status: 'failed',
      error: fault,
      conversions: [{ status: 'failed', error: fault }],
    });
    expect(job.events.at(-1)).toMatchObject({ cause: 'ended', message: fault.message });
  });

  it('shows no code that is Temporal’s own', async () => {
    const { jobId } = await bench.upload(png);
    const fault = { code: 'WorkerShutdown' as 'INTERNAL', message: 'worker /srv/1 is gone' };
    await bench.run('recordEnd', { jobId, end: { to: 'failed', fault } });
    const { error } = await bench.jobs.get(jobId);
    expect(error?.code).toBe('INTERNAL');
    expect(error?.message).not.toContain('/srv');
  });

  it('that was written first stands', async () => {
    const { jobId } = await bench.upload(png);
    const cancelled = { code: 'CANCELLED', message: 'The job was cancelled.' } as const;
    const failed = { code: 'INTERNAL', message: 'x' } as const;
    expect(await bench.run('recordEnd', { jobId, end: { to: 'cancelled', fault: cancelled } })).toBe(
      'cancelled',
    );
    expect(await bench.run('recordEnd', { jobId, end: { to: 'cancelled', fault: cancelled } })).toBe(
      'cancelled',
    );
    expect(await bench.run('recordEnd', { jobId, end: { to: 'failed', fault: failed } })).toBe('cancelled');
    const job = await bench.jobs.get(jobId);
    expect(job).toMatchObject({ error: cancelled });
    expect(job.events.filter(({ cause }) => cause === 'ended')).toHaveLength(1);
  });

  it('leaves no byte on disk when the job did not become ready', async () => {
    const clean = await bench.filesOnDisk();
    const { jobId, uploadId } = await bench.upload(png);
    const { fileId } = await bench.run('convertSmallFile', { jobId });
    expect(await bench.filesOnDisk()).toHaveLength(clean.length + 2);
    for (let repeats = 0; repeats < 2; repeats += 1) await bench.run('discardFiles', { jobId });
    expect(await bench.filesOnDisk()).toEqual(clean);
    for (const id of [uploadId, fileId])
      await expect(bench.files.get(id)).rejects.toBeInstanceOf(ConversionError);
  });

  it('spares a file that was there before the job', async () => {
    const { jobId: first, uploadId } = await bench.upload(png);
    const { job } = await bench.submitJob({ dialect: 'graphql', input: { fileId: uploadId }, target: 'jpg' });
    await bench.run('discardFiles', { jobId: job._id });
    expect(await bench.files.get(uploadId)).toMatchObject({ jobId: first });
    expect(await bench.run('acquire', { jobId: job._id })).toMatchObject({ steps: [{ target: 'jpg' }] });
  });

  it('closes an upload that never came', async () => {
    const input = { upload: { filename: 'photo.png', mime: 'image/png', size: png.length } };
    const { job, upload } = await bench.submitJob({ dialect: 'graphql', input, target: 'webp' });
    await bench.run('discardFiles', { jobId: job._id });
    await expect(bench.receiveUpload(upload?._id ?? '', Readable.from([png]))).rejects.toMatchObject({
      code: 'WRONG_STATE',
    });
  });
});

describe('a completed upload', () => {
  it('queues its job once, and a repair that comes late changes nothing', async () => {
    const { jobId } = await bench.upload(png);
    await bench.run('recordQueued', { jobId });
    expect(await bench.jobs.get(jobId)).toMatchObject({ status: 'queued', seq: 2 });
    await bench.run('convertSmallFile', { jobId });
    await bench.run('recordQueued', { jobId });
    expect(await bench.jobs.get(jobId)).toMatchObject({ status: 'processing' });
  });
});
