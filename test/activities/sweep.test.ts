import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { dayOf } from '../../src/domain/access/rate-window.ts';
import { newBatch } from '../../src/domain/batches/batch.ts';
import { archiveFileId, outputFileId } from '../../src/domain/derived-ids.ts';
import type { StoredFile } from '../../src/domain/files/file.ts';
import { newId } from '../../src/domain/id.ts';
import type { Job } from '../../src/domain/jobs/job.ts';
import { mapConcurrently } from '../../src/map-concurrently.ts';
import { createRetentionRepository } from '../../src/store/retention.ts';
import { createCopyingConverters } from '../support/copying-converters.ts';
import { type ActivityHarness, createActivityHarness } from '../support/harness/activity-harness.ts';
import { PNG } from '../support/harness/job-harness.ts';
import { aDelivery, aFile, aJob, anUpload } from '../support/records.ts';
import { sweepAll } from '../support/sweeping.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const LIFETIMES = { uploadMs: HOUR, fileMs: HOUR, jobMs: HOUR, deliveryMs: HOUR, sweepMs: HOUR };

let harness: ActivityHarness;

beforeEach(async () => {
  harness = await createActivityHarness({ converters: createCopyingConverters(), lifetimes: LIFETIMES });
});
afterEach(() => harness.close());

const ago = (ms: number) => new Date(Date.now() - ms);
const random = () => randomBytes(6).toString('hex');

/** Bytes that were written long ago, where they would lie, but without waiting for the disk. */
async function oldBlob(blobId: string): Promise<string> {
  const [name = ''] = blobId.split('~');
  const folder = join(harness.dir, 'blobs', createHash('sha256').update(name).digest('hex').slice(0, 3));
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, blobId), PNG);
  await utimes(join(folder, blobId), ago(24 * HOUR), ago(24 * HOUR));
  return blobId;
}

async function storedFile(fields: Partial<StoredFile>): Promise<StoredFile> {
  const _id = fields._id ?? newId();
  const blobId = fields.blobId ?? (await oldBlob(`${_id}.${random()}`));
  const file = aFile({ createdAt: ago(3 * HOUR), expiresAt: ago(HOUR), ...fields, _id, blobId });
  await harness.collections.files.insertOne(file);
  return file;
}

/** A job that nobody looks after any more. */
function anEndedJob(fields: Partial<Job> = {}): Job {
  const { repairAt, ...job } = aJob({ status: 'ready', finishedAt: ago(2 * HOUR), ...fields });
  return job;
}

/** Jobs that ended with a result, both long ago, and all that they leave. */
async function endedJobs(count: number, fields: Partial<Job> = {}): Promise<Job[]> {
  const made = Array.from({ length: count }, () => {
    const job = anEndedJob(fields);
    const { _id: jobId } = job;
    const _id = job.inputs[0]?.fileId ?? '';
    const blobId = `${_id}.${random()}`;
    const times = { jobId, createdAt: ago(3 * HOUR), expiresAt: ago(HOUR) };
    return {
      job,
      upload: anUpload({ _id, blobId, ...times, state: 'finalized' }),
      input: aFile({ _id, blobId, ...times }),
      output: aFile({
        _id: outputFileId(jobId, 0),
        blobId: `out.${jobId}.0~${random()}`,
        ...times,
        origin: 'output',
      }),
      delivery: aDelivery({ jobId, subjectId: jobId, state: 'delivered', createdAt: ago(2 * HOUR), ...OLD }),
    };
  });
  const files = made.flatMap(({ input, output }) => [input, output]);
  await mapConcurrently(files, ({ blobId }) => oldBlob(blobId));
  const { collections } = harness;
  await Promise.all([
    collections.files.insertMany(files),
    collections.uploads.insertMany(made.map(({ upload }) => upload)),
    collections.jobs.insertMany(made.map(({ job }) => job)),
    collections.deliveries.insertMany(made.map(({ delivery }) => delivery)),
  ]);
  return made.map(({ job }) => job);
}

async function endedJob(fields: Partial<Job> = {}): Promise<Job> {
  const [job] = await endedJobs(1, fields);
  return job as Job;
}

const OLD = { stateSince: ago(2 * HOUR), updatedAt: ago(2 * HOUR) };

async function left() {
  const { files, uploads, jobs, batches, deliveries, windows } = harness.collections;
  const all = { files, uploads, jobs, batches, deliveries, windows };
  const counts = await Promise.all(
    Object.entries(all).map(async ([name, { countDocuments }]) => [
      name,
      await countDocuments.call(all[name as 'files']),
    ]),
  );
  return { ...Object.fromEntries(counts), onDisk: (await harness.filesOnDisk()).length };
}
const NOTHING = { files: 0, uploads: 0, jobs: 0, batches: 0, deliveries: 0, windows: 0, onDisk: 0 };

/** No document may name bytes that are not there. */
async function expectEachFileHasItsBytes(): Promise<void> {
  const names = new Set(await harness.filesOnDisk());
  const files = await harness.collections.files.find().toArray();
  expect(files.filter(({ blobId }) => !names.has(blobId))).toEqual([]);
}

describe('a sweep', () => {
  it('leaves of two thousand short-lived jobs nothing but what may stay', { timeout: 240_000 }, async () => {
    await endedJobs(2000);
    const window = { size: 0, hits: [], seq: 3, dayCount: 1 };
    await harness.collections.windows.insertMany([
      { ...window, _id: 'guest:long-ago', day: dayOf(Date.now() - 48 * HOUR) },
      { ...window, _id: 'guest:now', day: dayOf(Date.now()) },
    ]);
    const stays = await endedJob({ finishedAt: new Date() });
    await harness.collections.files.updateMany({ jobId: stays._id }, { $set: { expiresAt: ago(-9 * HOUR) } });
    const began = performance.now();
    expect(await sweepAll(harness.sweep)).toBe(2000 * (1 + 1 + 1 + 2) + 3);
    console.info(`swept 2,000 jobs in ${Math.round(performance.now() - began)} ms`);
    expect(await left()).toEqual({ ...NOTHING, jobs: 1, files: 2, windows: 1, onDisk: 2 });
    await expectEachFileHasItsBytes();
  });

  it('that is killed again and again is finished by the last one', { timeout: 240_000 }, async () => {
    await endedJobs(400);
    const program = join(import.meta.dirname, '../support/sweeping-process.ts');
    const { dbName } = harness.collections.jobs;
    const folders = [join(harness.dir, 'blobs'), join(harness.dir, 'scratch')];
    let kills = 0;
    for (let ended = false; !ended; ) {
      const before = await left();
      const args = [program, inject('mongoUri'), dbName, ...folders, JSON.stringify(LIFETIMES)];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      let said = '';
      child.stdout.on('data', (data: Buffer) => {
        said += data.toString();
      });
      const exit = once(child, 'exit');
      // Killed once it has removed some more, wherever that finds it.
      while (child.exitCode === null && JSON.stringify(await left()) === JSON.stringify(before))
        await new Promise((resolve) => setImmediate(resolve));
      kills += child.kill('SIGKILL') ? 1 : 0;
      await exit;
      ended = said.includes('swept');
      await expectEachFileHasItsBytes();
      if (kills >= 6) ended = true;
    }
    console.info(`killed ${kills} times in the middle of a sweep`);
    expect(kills).toBeGreaterThan(0);
    await sweepAll(harness.sweep);
    expect(await left()).toEqual(NOTHING);
  });

  it('spares the input of a job that has not begun, and the job can read it', async () => {
    const { jobId: bringer, uploadId } = await harness.upload(PNG);
    const request = { dialect: 'graphql', input: { fileId: uploadId }, target: 'webp' } as const;
    const jobId = (await harness.submitJob(request)).job._id;
    // Another job brought the file and has ended: nothing but the request of the second one keeps it.
    await harness.jobs.transition(bringer, { to: 'cancelled', cause: 'ended' });
    await harness.collections.files.updateOne({ _id: uploadId }, { $set: { expiresAt: ago(HOUR) } });
    await harness.collections.uploads.updateOne({ _id: uploadId }, { $set: { expiresAt: ago(HOUR) } });
    await sweepAll(harness.sweep);
    await sweepAll(harness.sweep);
    const converted = await harness.run('convertSmallFile', { jobId });
    await harness.collections.files.updateMany({}, { $set: { expiresAt: ago(HOUR) } });
    await sweepAll(harness.sweep);
    await harness.run('recordEnd', { jobId, end: { to: 'ready', outputs: [converted] } });
    expect((await harness.jobs.get(jobId)).outputs).toMatchObject([{ fileId: converted.fileId }]);
    await sweepAll(harness.sweep);
    expect(await left()).toMatchObject({ files: 0, uploads: 0, jobs: 2, onDisk: 0 });
  });

  it('keeps what a delivery links to that has not got through, and its link', async () => {
    const job = anEndedJob();
    await harness.collections.jobs.insertOne(job);
    const soon = new Date(Date.now() + MINUTE);
    const output = { _id: outputFileId(job._id, 0), origin: 'output', jobId: job._id } as const;
    const file = await storedFile({ ...output, expiresAt: soon, createdAt: ago(HOUR - MINUTE) });
    const delivery = aDelivery({ jobId: job._id, subjectId: job._id, createdAt: ago(2 * HOUR) });
    await harness.collections.deliveries.insertOne(delivery);
    // The link as it was written into the message, when the file still had its usual time.
    const link = harness.links.lastingDownloadPath({ ...file, expiresAt: ago(MINUTE) });
    await sweepAll(harness.sweep);
    const kept = await harness.files.get(file._id);
    expect(kept.expiresAt.getTime()).toBeGreaterThan(Date.now() + HOUR);
    expect(harness.links.subjectOf('download', link.split('/')[3] ?? '')).toBe(file._id);
    expect(await left()).toMatchObject({ jobs: 1, files: 1, deliveries: 1 });

    await harness.collections.deliveries.updateOne(
      { _id: delivery._id },
      { $set: { state: 'delivered', ...OLD } },
    );
    await harness.collections.files.updateOne({ _id: file._id }, { $set: { expiresAt: ago(HOUR) } });
    await sweepAll(harness.sweep);
    expect(await left()).toEqual(NOTHING);
  });

  it('keeps results until their batch has packed them, its archive, and its jobs as long as the batch', async () => {
    const job = await endedJob();
    const batch = {
      ...newBatch({
        _id: newId(),
        owner: 'account:a',
        dialect: 'graphql',
        label: null,
        jobIds: [job._id],
        retryOf: null,
        wantsArchive: true,
      }),
    };
    await harness.collections.jobs.updateOne({ _id: job._id }, { $set: { batchId: batch._id } });
    await harness.collections.batches.insertOne(batch);
    const archive = await oldBlob(`zip.${batch._id}~${random()}`);
    await sweepAll(harness.sweep);
    expect(await left()).toEqual({ ...NOTHING, jobs: 1, batches: 1, files: 2, onDisk: 3 });

    await storedFile({ _id: archiveFileId(batch._id), blobId: archive, batchId: batch._id });
    await harness.batches.finish(batch._id, 'ready');
    await sweepAll(harness.sweep);
    expect(await left()).toEqual({ ...NOTHING, jobs: 1, batches: 1 });
    await harness.collections.batches.updateOne({ _id: batch._id }, { $set: { finishedAt: ago(2 * HOUR) } });
    await sweepAll(harness.sweep);
    expect(await left()).toEqual(NOTHING);
  });

  it('keeps a paid job until its credits are settled, and one whose callback nobody has had', async () => {
    const paid = await endedJob({ spent: 2, owner: 'account:payer' });
    const callback = { url: 'https://receiver.example', sealedSecret: null, attempts: 0 };
    const notified = await endedJob({ callback: { ...callback, status: 'pending' } });
    const run = (state: 'held' | 'captured') => ({
      [paid._id]: { 'run-1': { state, amount: 2, at: new Date() } },
    });
    const account = { _id: 'payer', name: 'payer', plan: 'pro', createdAt: new Date() };
    await harness.collections.accounts.insertOne({ ...account, holds: run('held') } as typeof account);
    await sweepAll(harness.sweep);
    const ids = async () => (await harness.collections.jobs.find().toArray()).map(({ _id }) => _id).sort();
    expect(await ids()).toEqual([paid._id, notified._id].sort());
    await harness.collections.accounts.updateOne({ _id: 'payer' }, { $set: { holds: run('captured') } });
    await harness.jobs.append(
      notified._id,
      { type: 'callback', cause: 'told', message: null },
      {
        callback: { ...callback, status: 'delivered' },
      },
    );
    await sweepAll(harness.sweep);
    expect(await ids()).toEqual([]);
  });

  it('removes uploads that were never completed, with what had arrived', async () => {
    const abandoned = anUpload({ expiresAt: ago(HOUR), state: 'received' });
    abandoned.blobId = await oldBlob(`${abandoned._id}.${random()}`);
    const fresh = anUpload({ state: 'received' });
    fresh.blobId = await oldBlob(`${fresh._id}.${random()}`);
    await harness.collections.uploads.insertMany([abandoned, fresh, anUpload({ expiresAt: ago(HOUR) })]);
    await sweepAll(harness.sweep);
    expect(await left()).toEqual({ ...NOTHING, uploads: 1, onDisk: 1 });
    expect((await harness.collections.uploads.findOne())?._id).toBe(fresh._id);
  });

  it('removes bytes that no document names, unless somebody may still name them', async () => {
    const open = aJob({ status: 'processing' });
    await harness.collections.jobs.insertOne(open);
    await oldBlob(`${newId()}.${random()}`);
    await oldBlob(`out.${newId()}.0~${random()}`);
    await oldBlob(`zip.${newId()}~${random()}`);
    await harness.collections.files.insertOne(
      aFile({ _id: outputFileId(open._id, 1), blobId: `out.${open._id}.1~aa`, expiresAt: ago(-HOUR) }),
    );
    const stay = [
      await oldBlob(`out.${open._id}.0~${random()}`),
      await oldBlob(`out.${open._id}.1~aa`),
      await oldBlob('not-one-of-ours'),
      `${newId()}.${random()}`,
    ];
    await harness.blobs.write(stay[3] ?? '', Readable.from([PNG]), { maxBytes: PNG.length });
    // As an earlier version leaves it when it is killed.
    const half = `${await harness.blobs.localPath(stay[2] ?? '', harness.dir)}.part`;
    await writeFile(half, 'half');
    await utimes(half, ago(24 * HOUR), ago(24 * HOUR));
    await mkdir(join(harness.dir, 'scratch', 'attempt-abcdef'), { recursive: true });
    await utimes(join(harness.dir, 'scratch', 'attempt-abcdef'), ago(24 * HOUR), ago(24 * HOUR));
    expect(await harness.filesOnDisk()).toContain(basename(half));
    expect(await sweepAll(harness.sweep)).toBe(5);
    expect((await harness.filesOnDisk()).sort()).toEqual(stay.sort());
  });

  it('does not touch what has changed since it was read', async () => {
    const retention = createRetentionRepository(harness.collections);
    const file = await storedFile({});
    await retention.extendFile(file, ago(-HOUR));
    expect(await retention.removeFiles([file])).toEqual([]);
    const upload = anUpload({ expiresAt: ago(HOUR) });
    await harness.collections.uploads.insertOne({ ...upload });
    await harness.uploads.receive(upload._id, 'blob', { size: 1, sha256: '' });
    expect(await retention.removeUploads([upload])).toEqual([]);
    expect(await left()).toMatchObject({ files: 1, uploads: 1 });
  });

  it('finds its way through more documents of one instant than one page has', async () => {
    const at = ago(2 * HOUR);
    const open = aJob({ status: 'queued' });
    const waiting = Array.from({ length: 600 }, () => aFile({ expiresAt: at }));
    open.inputs = waiting.map(({ _id }) => ({ ...(open.inputs[0] as Job['inputs'][0]), fileId: _id }));
    await harness.collections.jobs.insertOne(open);
    await harness.collections.files.insertMany([
      ...waiting,
      ...Array.from({ length: 600 }, () => aFile({ expiresAt: at })),
    ]);
    await sweepAll(harness.sweep);
    expect(await left()).toMatchObject({ files: 600 });
  });
});
