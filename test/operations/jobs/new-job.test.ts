import { expect, it } from 'vitest';
import { queueLease, startLease } from '../../../src/domain/jobs/job-lease.ts';
import { parseOptions } from '../../../src/domain/options/image.ts';
import { type NewJob, newJob } from '../../../src/operations/jobs/new-job.ts';
import { aFile, anUpload } from '../../support/records.ts';

const request: NewJob = {
  id: 'job',
  owner: 'account:a',
  dialect: 'graphql',
  source: null,
  target: 'webp',
  callback: null,
  input: { upload: anUpload({ expiresAt: new Date(7) }), file: null },
  options: parseOptions('image', {}),
};

it('a job that awaits its upload says until when, and knows what was announced', () => {
  const job = newJob(request);
  expect(job).toMatchObject({
    _id: 'job',
    status: 'awaiting_upload',
    seq: 1,
    uploadDeadline: new Date(7),
    finishedAt: null,
    progress: { percent: 0, stage: 'waiting for the upload' },
    inputs: [{ filename: 'photo.png', size: 10, format: null, status: 'waiting' }],
    events: [{ type: 'status', status: 'awaiting_upload', cause: 'submitted' }],
    callback: null,
  });
});

it('a job on a stored file is queued, and knows what that is', () => {
  const file = aFile({ format: 'png' });
  expect(newJob({ ...request, input: { upload: null, file } })).toMatchObject({
    status: 'queued',
    progress: { percent: 0, stage: 'queued' },
    inputs: [{ fileId: file._id, format: 'png', status: 'ready' }],
    events: [{ status: 'queued' }],
  });
});

it('somebody looks after it soon, unless its batch does', () => {
  const [alone, inBatch] = [newJob(request), newJob({ ...request, batchId: 'batch' })];
  const since = alone.createdAt.getTime();
  expect(Math.abs(Number(alone.repairAt) - Number(startLease(since)))).toBeLessThan(1000);
  expect(Math.abs(Number(inBatch.repairAt) - Number(queueLease(since)))).toBeLessThan(1000);
  expect(Number(queueLease(0)) - Number(startLease(0))).toBeGreaterThan(2000);
});

it('a callback has not been made yet', () => {
  const callback = { url: 'https://me.example/', sealedSecret: 'sealed' };
  expect(newJob({ ...request, callback }).callback).toEqual({ ...callback, status: 'pending', attempts: 0 });
});
