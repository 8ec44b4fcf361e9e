import { Readable } from 'node:stream';
import { MockActivityEnvironment } from '@temporalio/testing';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createActivities } from '../../activities/index.ts';
import { KilnError } from '../../src/domain/errors.ts';
import {
  type ActivityHarness,
  createActivityHarness,
  rememberingLogger,
  silent,
} from '../support/harness/activity-harness.ts';

let harness: ActivityHarness;
let png: Buffer;

beforeAll(async () => {
  harness = await createActivityHarness();
  const create = { width: 40, height: 30, channels: 3, background: '#3366cc' } as const;
  png = await sharp({ create }).png().toBuffer();
});
afterAll(() => harness.close());

describe('the end of a job', () => {
  it('ready: shows the result and what was read', async () => {
    const { jobId } = await harness.upload(png);
    const converted = await harness.run('convertSmallFile', { jobId });
    expect(await harness.run('recordEnd', { jobId, end: { to: 'ready', outputs: [converted] } })).toBe(
      'ready',
    );
    expect(await harness.jobs.get(jobId)).toMatchObject({
      status: 'ready',
      error: null,
      progress: { percent: 100 },
      inputs: [{ status: 'ready', format: 'png' }],
      conversions: [{ status: 'ready', source: 'png', engine: expect.stringContaining('sharp') }],
      outputs: [{ fileId: converted.fileId, filename: 'photo.webp', size: converted.size, width: 40 }],
    });
  });

  it('failed: says why, on the job and on the conversion', async () => {
    const { jobId } = await harness.upload(png);
    const error = { code: 'CORRUPT_INPUT', message: 'The file is damaged.' } as const;
    expect(await harness.run('recordEnd', { jobId, end: { to: 'failed', fault: error } })).toBe('failed');
    const job = await harness.jobs.get(jobId);
    expect(job).toMatchObject({
      status: 'failed',
      error,
      conversions: [{ status: 'failed', error }],
    });
    expect(job.events.at(-1)).toMatchObject({ cause: 'ended', message: error.message });
  });

  it('shows no code that is Temporal’s own', async () => {
    const { jobId } = await harness.upload(png);
    const foreign = { code: 'WorkerShutdown' as 'INTERNAL', message: 'worker /srv/1 is gone' };
    await harness.run('recordEnd', { jobId, end: { to: 'failed', fault: foreign } });
    const { error } = await harness.jobs.get(jobId);
    expect(error?.code).toBe('INTERNAL');
    expect(error?.message).not.toContain('/srv');
  });

  it('that was written first stands', async () => {
    const { jobId } = await harness.upload(png);
    const cancelled = { code: 'CANCELLED', message: 'The job was cancelled.' } as const;
    const failed = { code: 'INTERNAL', message: 'x' } as const;
    expect(await harness.run('recordEnd', { jobId, end: { to: 'cancelled', fault: cancelled } })).toBe(
      'cancelled',
    );
    expect(await harness.run('recordEnd', { jobId, end: { to: 'cancelled', fault: cancelled } })).toBe(
      'cancelled',
    );
    expect(await harness.run('recordEnd', { jobId, end: { to: 'failed', fault: failed } })).toBe('cancelled');
    const job = await harness.jobs.get(jobId);
    expect(job).toMatchObject({ error: cancelled });
    expect(job.events.filter(({ cause }) => cause === 'ended')).toHaveLength(1);
  });

  it('stands, and is counted, when a fault of ours keeps its event from being sent', async () => {
    const { jobId } = await harness.upload(png);
    const { entries, logger } = rememberingLogger();
    const counted: string[] = [];
    const { recordEnd } = createActivities({
      ...harness,
      emitJobEnded: async () => {
        throw new TypeError('an event that cannot be built');
      },
      countInBatch: async ({ _id }) => void counted.push(_id),
    });
    const fault = { code: 'CORRUPT_INPUT', message: 'The file is damaged.' } as const;
    const env = new MockActivityEnvironment({}, { logger });
    expect(await env.run(() => recordEnd({ jobId, end: { to: 'failed', fault } }))).toBe('failed');
    expect(counted).toEqual([jobId]);
    expect(entries.filter(({ level }) => level === 'ERROR')).toMatchObject([
      { meta: { step: 'its event is sent', err: { message: 'an event that cannot be built' } } },
    ]);
  });

  it('is written again until what follows is done, while it is an outage that is in the way', async () => {
    const { jobId } = await harness.upload(png);
    const counted: string[] = [];
    const { recordEnd } = createActivities({
      ...harness,
      emitJobEnded: async () => {
        throw new KilnError('UNAVAILABLE', 'The database does not answer.');
      },
      countInBatch: async ({ _id }) => void counted.push(_id),
    });
    const fault = { code: 'CORRUPT_INPUT', message: 'The file is damaged.' } as const;
    const env = new MockActivityEnvironment({}, { logger: silent });
    const ended = env.run(() => recordEnd({ jobId, end: { to: 'failed', fault } }));
    await expect(ended).rejects.toMatchObject({ type: 'UNAVAILABLE', nonRetryable: false });
    expect(counted).toEqual([jobId]);
  });

  it('leaves no byte on disk when the job did not become ready', async () => {
    const clean = await harness.filesOnDisk();
    const { jobId, uploadId } = await harness.upload(png);
    const { fileId } = await harness.run('convertSmallFile', { jobId });
    expect(await harness.filesOnDisk()).toHaveLength(clean.length + 2);
    for (let repeats = 0; repeats < 2; repeats += 1) await harness.run('discardFiles', { jobId });
    expect(await harness.filesOnDisk()).toEqual(clean);
    for (const id of [uploadId, fileId])
      await expect(harness.files.get(id)).rejects.toBeInstanceOf(KilnError);
  });

  it('keeps an upload that may be converted another time, and no half-made result', async () => {
    const { jobId, uploadId } = await harness.upload(png);
    const { fileId } = await harness.run('convertSmallFile', { jobId });
    const error = { code: 'ENGINE_CRASHED', message: 'The engine stopped.' } as const;
    await harness.run('recordEnd', { jobId, end: { to: 'failed', fault: error } });
    await harness.run('discardFiles', { jobId });
    expect(await harness.files.get(uploadId)).toMatchObject({ size: png.length });
    await expect(harness.files.get(fileId)).rejects.toBeInstanceOf(KilnError);
  });

  it('spares a file that was there before the job', async () => {
    const { jobId: first, uploadId } = await harness.upload(png);
    const { job } = await harness.submitJob({
      dialect: 'graphql',
      input: { fileId: uploadId },
      target: 'jpg',
    });
    await harness.run('discardFiles', { jobId: job._id });
    expect(await harness.files.get(uploadId)).toMatchObject({ jobId: first });
    expect(await harness.run('acquire', { jobId: job._id })).toMatchObject({ steps: [{ target: 'jpg' }] });
  });

  it('closes an upload that never came', async () => {
    const input = { upload: { filename: 'photo.png', mime: 'image/png', size: png.length } };
    const { job, upload } = await harness.submitJob({ dialect: 'graphql', input, target: 'webp' });
    await harness.run('discardFiles', { jobId: job._id });
    await expect(harness.receiveUpload(upload?._id ?? '', Readable.from([png]))).rejects.toMatchObject({
      code: 'WRONG_STATE',
    });
  });
});

describe('a completed upload', () => {
  it('queues its job once, and a repair that comes late changes nothing', async () => {
    const { jobId } = await harness.upload(png);
    await harness.run('recordQueued', { jobId });
    expect(await harness.jobs.get(jobId)).toMatchObject({ status: 'queued', seq: 2 });
    await harness.run('convertSmallFile', { jobId });
    await harness.run('recordQueued', { jobId });
    expect(await harness.jobs.get(jobId)).toMatchObject({ status: 'processing' });
  });
});

describe('a job whose upload is late', () => {
  it('closes it, so that nothing can arrive any more', async () => {
    const { job, upload } = await harness.submitJob({
      dialect: 'graphql',
      input: { upload: { filename: 'a.png', mime: 'image/png', size: png.length } },
      target: 'webp',
    });
    for (let repeats = 0; repeats < 2; repeats += 1)
      expect(await harness.run('expireUpload', { jobId: job._id })).toEqual({ arrived: false });
    await expect(
      harness.receiveUpload(upload?._id ?? '', Readable.from([Buffer.from(png)])),
    ).rejects.toMatchObject({ code: 'WRONG_STATE' });
  });

  it('goes on when it was completed before, whether the job was told or not', async () => {
    const { jobId } = await harness.upload(png);
    expect(await harness.run('expireUpload', { jobId })).toEqual({ arrived: true });
    await harness.collections.jobs.updateOne({ _id: jobId }, { $set: { status: 'awaiting_upload' } });
    expect(await harness.run('expireUpload', { jobId })).toEqual({ arrived: true });
  });

  it('goes on when it was refused, to say why', async () => {
    const { job, upload } = await harness.submitJob({
      dialect: 'graphql',
      input: { upload: { filename: 'a.png', mime: 'image/png', size: png.length + 1 } },
      target: 'webp',
    });
    const bytes = Readable.from([Buffer.from(png)]);
    await expect(harness.receiveUpload(upload?._id ?? '', bytes)).rejects.toMatchObject({
      code: 'SIZE_MISMATCH',
    });
    expect(await harness.run('expireUpload', { jobId: job._id })).toEqual({ arrived: true });
  });
});
