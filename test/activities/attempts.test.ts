import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newBatch } from '../../src/domain/batches/batch.ts';
import { outputFileId } from '../../src/domain/derived-ids.ts';
import { newId } from '../../src/domain/id.ts';
import { createCopyingConverters } from '../support/copying-converters.ts';
import { type ActivityHarness, createActivityHarness } from '../support/harness/activity-harness.ts';
import { PNG } from '../support/harness/job-harness.ts';
import { aFile } from '../support/records.ts';

let harness: ActivityHarness;
let runs = 0;

beforeAll(async () => {
  const converters = {
    ...createCopyingConverters(),
    /** An engine that never makes the same twice, as with a date in its output. */
    async convert(_step: unknown, { outputPath }: { outputPath: string }) {
      runs += 1;
      await writeFile(outputPath, `result ${'x'.repeat(runs)}`);
      const info = { width: runs, height: 1 };
      return { engine: 'moody 1', engineMs: 1, input: info, output: info, warnings: [] };
    },
  };
  harness = await createActivityHarness({ converters });
});
afterAll(() => harness.close());

async function bytesOf(fileId: string): Promise<{ size: number; sha256: string }> {
  const { blobId } = await harness.files.get(fileId);
  const bytes = await buffer(await harness.blobs.read(blobId));
  return { size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

async function outputsOnDisk(jobId: string): Promise<string[]> {
  return (await harness.filesOnDisk()).filter((name) => name.startsWith(`out.${jobId}`));
}

describe('a result of several attempts', () => {
  it('is that of the first one that was published, in size, digest and bytes', async () => {
    const { jobId } = await harness.upload(PNG);
    const first = await harness.run('convertSmallFile', { jobId });
    const second = await harness.run('convertSmallFile', { jobId });
    const third = await harness.run('convertSmallFile', { jobId });
    const stored = await harness.files.get(first.fileId);
    expect(await bytesOf(first.fileId)).toEqual({ size: stored.size, sha256: stored.sha256 });
    for (const { size, sha256, width } of [second, third])
      expect({ size, sha256, width }).toEqual({ size: first.size, sha256: first.sha256, width: first.width });
    expect(await outputsOnDisk(jobId)).toEqual([stored.blobId]);
  });

  it('is whole although another attempt ends while it is published', async () => {
    const { jobId } = await harness.upload(PNG);
    const acquired = await harness.run('acquire', { jobId });
    const late = await harness.run('convert', { jobId, ...acquired });
    const early = await harness.run('convert', { jobId, ...acquired });
    const [one, two] = await Promise.all(
      [late, early].map((converted) => harness.run('publish', { jobId, converted })),
    );
    const stored = await harness.files.get(outputFileId(jobId, 0));
    const { size, sha256 } = stored;
    expect([one, two]).toMatchObject([
      { size, sha256 },
      { size, sha256 },
    ]);
    expect(await bytesOf(stored._id)).toEqual({ size: stored.size, sha256: stored.sha256 });
    expect(await outputsOnDisk(jobId)).toEqual([stored.blobId]);
  });

  it('leaves nothing when the job ends otherwise', async () => {
    const { jobId } = await harness.upload(PNG);
    const acquired = await harness.run('acquire', { jobId });
    for (let attempts = 0; attempts < 2; attempts += 1) await harness.run('convert', { jobId, ...acquired });
    await harness.jobs.transition(jobId, { to: 'cancelled', cause: 'ended' });
    await harness.run('discardFiles', { jobId });
    expect(await outputsOnDisk(jobId)).toEqual([]);
  });

  it('of an earlier version, which names no blob, is found where it was', async () => {
    const { jobId } = await harness.upload(PNG);
    const { blobId, ...converted } = await harness.run('convert', {
      jobId,
      ...(await harness.run('acquire', { jobId })),
    });
    const earlier = `out.${converted.fileId}`;
    await harness.blobs.write(earlier, await harness.blobs.read(blobId ?? ''), { maxBytes: 1000 });
    await harness.run('publish', { jobId, converted });
    expect((await harness.files.get(converted.fileId)).blobId).toBe(earlier);
    expect(await bytesOf(converted.fileId)).toEqual({ size: converted.size, sha256: converted.sha256 });
  });
});

describe('an archive of several attempts', () => {
  it('holds what the files say, and is that of the first attempt', async () => {
    const { jobId } = await harness.upload(PNG);
    const converted = await harness.run('convertSmallFile', { jobId });
    await harness.run('recordEnd', { jobId, end: { to: 'ready', outputs: [converted] } });
    const batch = newBatch({
      _id: newId(),
      owner: 'account:a',
      dialect: 'graphql',
      label: null,
      jobIds: [jobId],
      retryOf: null,
      wantsArchive: true,
    });
    await harness.batches.insertIfAbsent(batch);
    await harness.run('packBatch', { batchId: batch._id });
    const { archive } = await harness.batches.get(batch._id);
    const before = await bytesOf(archive?.fileId ?? '');
    await harness.run('packBatch', { batchId: batch._id });
    expect(await bytesOf(archive?.fileId ?? '')).toEqual(before);
    expect(before.size).toBe(archive?.size);
    expect((await harness.filesOnDisk()).filter((name) => name.startsWith('zip.'))).toHaveLength(1);
  });
});

describe('a file that has expired', () => {
  it('does not stand in the way of one that is made again', async () => {
    const { jobId } = await harness.upload(PNG);
    const _id = outputFileId(jobId, 0);
    await harness.collections.files.insertOne(aFile({ _id, blobId: 'gone', expiresAt: new Date(0) }));
    const made = await harness.run('convertSmallFile', { jobId });
    expect(await bytesOf(_id)).toEqual({ size: made.size, sha256: made.sha256 });
  });
});
