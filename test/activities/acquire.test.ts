import { writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
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

/** Puts other bytes under an uploaded blob, as a failing disk would. */
async function damage(uploadId: string, bytes: Uint8Array): Promise<void> {
  const { blobId } = await harness.files.get(uploadId);
  await writeFile(await harness.blobs.localPath(blobId, harness.dir), bytes);
}

const failure = (type: string, message: RegExp) => ({
  type,
  nonRetryable: true,
  message: expect.stringMatching(message),
});

describe('acquire', () => {
  it('plans by the bytes and notes what they are', async () => {
    const { jobId, uploadId } = await harness.upload(png, { filename: 'lies.jpg', target: 'webp' });
    const { blobId, steps } = await harness.run('acquire', { jobId });
    expect(steps).toMatchObject([{ source: 'png', target: 'webp' }]);
    expect(await harness.files.get(uploadId)).toMatchObject({ blobId, format: 'png', width: 40, height: 30 });
  });

  it('refuses bytes of another size than announced', async () => {
    const { jobId, uploadId } = await harness.upload(png);
    await damage(uploadId, png.subarray(0, 50));
    await expect(harness.run('acquire', { jobId })).rejects.toMatchObject(
      failure('SIZE_MISMATCH', new RegExp(`has 50 bytes, but ${png.length} were announced`)),
    );
  });

  it('refuses bytes that have changed since they were uploaded', async () => {
    const { jobId, uploadId } = await harness.upload(png);
    await damage(uploadId, Buffer.concat([png.subarray(0, -1), Buffer.from([0])]));
    await expect(harness.run('acquire', { jobId })).rejects.toMatchObject(
      failure('CORRUPT_INPUT', /changed/),
    );
  });

  it('refuses a file that is empty', async () => {
    const { jobId, uploadId } = await harness.upload(png);
    await damage(uploadId, Buffer.alloc(0));
    await expect(harness.run('acquire', { jobId })).rejects.toMatchObject(failure('EMPTY_FILE', /empty/));
  });

  it.each([
    ['a program', Buffer.concat([Buffer.from('7f454c46', 'hex'), Buffer.alloc(100)])],
    ['a script', Buffer.from('#!/bin/sh\nrm -rf /\n')],
    ['a page', Buffer.from('<!doctype html><script>alert(1)</script>')],
  ])('refuses %s, whatever it is called', async (_name, bytes) => {
    const { jobId } = await harness.upload(bytes, { filename: 'photo.png' });
    await expect(harness.run('acquire', { jobId })).rejects.toMatchObject(
      failure('TYPE_MISMATCH', /not of a type/),
    );
  });

  it('refuses another format than the caller insisted on', async () => {
    const { jobId } = await harness.upload(png, { source: 'jpg' });
    await expect(harness.run('acquire', { jobId })).rejects.toMatchObject(
      failure('TYPE_MISMATCH', /announced as JPEG, but its content is PNG/),
    );
  });

  it('says of a rejected upload why it was rejected', async () => {
    const input = { upload: { filename: 'photo.png', mime: 'image/png', size: 10 } };
    const { job, upload } = await harness.submitJob({ dialect: 'graphql', input, target: 'webp' });
    await harness.receiveUpload(upload?._id ?? '', Readable.from([png])).catch(() => {});
    await expect(harness.run('acquire', { jobId: job._id })).rejects.toMatchObject(
      failure('SIZE_MISMATCH', /more than the 10 bytes/),
    );
  });

  it('says that a file is not there any more', async () => {
    const { jobId, uploadId } = await harness.upload(png);
    await harness.blobs.remove((await harness.files.get(uploadId)).blobId);
    await harness.files.remove(uploadId);
    await expect(harness.run('acquire', { jobId })).rejects.toMatchObject(
      failure('UPLOAD_MISSING', /any more/),
    );
    await harness.collections.uploads.deleteOne({ _id: uploadId });
    await expect(harness.run('acquire', { jobId })).rejects.toMatchObject(
      failure('UPLOAD_MISSING', /any more/),
    );
  });

  it('may be repeated', async () => {
    const { jobId } = await harness.upload(png);
    expect(await harness.run('acquire', { jobId })).toEqual(await harness.run('acquire', { jobId }));
  });
});
