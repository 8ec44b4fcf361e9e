import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newBatch } from '../../src/domain/batches/batch.ts';
import { outputFileId } from '../../src/domain/files/blob-name.ts';
import { newId } from '../../src/domain/id.ts';
import { type ActivityBench, createActivityBench } from '../support/bench/activity-bench.ts';
import { PNG } from '../support/bench/job-bench.ts';
import { createCopyingConverters } from '../support/copying-converters.ts';
import { aFile } from '../support/records.ts';

let bench: ActivityBench;
let runs = 0;

beforeAll(async () => {
  const converters = {
    ...createCopyingConverters(),
    /** An engine that never makes the same twice, as with a date in its output. */
    async convert(_step: unknown, { outputPath }: { outputPath: string }) {
      runs += 1;
      await writeFile(outputPath, `result ${'x'.repeat(runs)}`);
      const facts = { width: runs, height: 1 };
      return { engine: 'moody 1', engineMs: 1, input: facts, output: facts, warnings: [] };
    },
  };
  bench = await createActivityBench({ converters });
});
afterAll(() => bench.close());

async function bytesOf(fileId: string): Promise<{ size: number; sha256: string }> {
  const { blobId } = await bench.files.get(fileId);
  const bytes = await buffer(await bench.blobs.read(blobId));
  return { size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

async function outputsOnDisk(jobId: string): Promise<string[]> {
  return (await bench.filesOnDisk()).filter((name) => name.startsWith(`out.${jobId}`));
}

describe('a result of several attempts', () => {
  it('is that of the first one that was published, in size, digest and bytes', async () => {
    const { jobId } = await bench.upload(PNG);
    const first = await bench.run('convertSmallFile', { jobId });
    const second = await bench.run('convertSmallFile', { jobId });
    const third = await bench.run('convertSmallFile', { jobId });
    const stored = await bench.files.get(first.fileId);
    expect(await bytesOf(first.fileId)).toEqual({ size: stored.size, sha256: stored.sha256 });
    for (const { size, sha256, width } of [second, third])
      expect({ size, sha256, width }).toEqual({ size: first.size, sha256: first.sha256, width: first.width });
    expect(await outputsOnDisk(jobId)).toEqual([stored.blobId]);
  });

  it('is whole although another attempt ends while it is published', async () => {
    const { jobId } = await bench.upload(PNG);
    const acquired = await bench.run('acquire', { jobId });
    const late = await bench.run('convert', { jobId, ...acquired });
    const early = await bench.run('convert', { jobId, ...acquired });
    const [one, two] = await Promise.all(
      [late, early].map((converted) => bench.run('publish', { jobId, converted })),
    );
    expect([one?.size, one?.sha256]).toEqual([two?.size, two?.sha256]);
    const stored = await bench.files.get(outputFileId(jobId, 0));
    expect(await bytesOf(stored._id)).toEqual({ size: stored.size, sha256: stored.sha256 });
    expect(await outputsOnDisk(jobId)).toEqual([stored.blobId]);
  });

  it('leaves nothing when the job ends otherwise', async () => {
    const { jobId } = await bench.upload(PNG);
    const acquired = await bench.run('acquire', { jobId });
    for (let attempts = 0; attempts < 2; attempts += 1) await bench.run('convert', { jobId, ...acquired });
    await bench.jobs.transition(jobId, { to: 'cancelled', cause: 'ended' });
    await bench.run('discardFiles', { jobId });
    expect(await outputsOnDisk(jobId)).toEqual([]);
  });

  it('of an earlier version, which names no blob, is found where it was', async () => {
    const { jobId } = await bench.upload(PNG);
    const { blobId, ...converted } = await bench.run('convert', {
      jobId,
      ...(await bench.run('acquire', { jobId })),
    });
    const earlier = `out.${converted.fileId}`;
    await bench.blobs.write(earlier, await bench.blobs.read(blobId ?? ''), { maxBytes: 1000 });
    await bench.run('publish', { jobId, converted });
    expect((await bench.files.get(converted.fileId)).blobId).toBe(earlier);
    expect(await bytesOf(converted.fileId)).toEqual({ size: converted.size, sha256: converted.sha256 });
  });
});

describe('an archive of several attempts', () => {
  it('holds what the files say, and is that of the first attempt', async () => {
    const { jobId } = await bench.upload(PNG);
    const converted = await bench.run('convertSmallFile', { jobId });
    await bench.run('recordEnd', { jobId, end: { to: 'ready', outputs: [converted] } });
    const batch = newBatch({
      ...{ _id: newId(), owner: 'account:a', dialect: 'graphql', label: null },
      ...{ jobIds: [jobId], retryOf: null, wantsArchive: true },
    });
    await bench.batches.insertIfAbsent(batch);
    await bench.run('packBatch', { batchId: batch._id });
    const { archive } = await bench.batches.get(batch._id);
    const before = await bytesOf(archive?.fileId ?? '');
    await bench.run('packBatch', { batchId: batch._id });
    expect(await bytesOf(archive?.fileId ?? '')).toEqual(before);
    expect(before.size).toBe(archive?.size);
    expect((await bench.filesOnDisk()).filter((name) => name.startsWith('zip.'))).toHaveLength(1);
  });
});

describe('a file that has expired', () => {
  it('does not stand in the way of one that is made again', async () => {
    const { jobId } = await bench.upload(PNG);
    const _id = outputFileId(jobId, 0);
    await bench.collections.files.insertOne(aFile({ _id, blobId: 'gone', expiresAt: new Date(0) }));
    const made = await bench.run('convertSmallFile', { jobId });
    expect(await bytesOf(_id)).toEqual({ size: made.size, sha256: made.sha256 });
  });
});
