import { describe, expect, it } from 'vitest';
import { type Batch, newBatch } from '../../../src/domain/batches/batch.ts';
import { KilnError } from '../../../src/domain/errors.ts';
import { newId } from '../../../src/domain/id.ts';
import type { Job, JobStatus } from '../../../src/domain/jobs/job.ts';
import type { BatchRequest } from '../../../src/operations/batches/submit-batch.ts';
import type { JobRequest } from '../../../src/operations/jobs/accept-job.ts';
import { createRetry, type RetryPorts } from '../../../src/operations/jobs/retry.ts';
import { aFile, aJob, anAccountCaller } from '../../support/records.ts';

const CALLER = anAccountCaller();
const GONE = new KilnError('NOT_FOUND', 'There is no such file.');

/** What is submitted when these jobs, or a batch of them, are done again. */
function retrying(jobs: readonly Job[], different: Partial<RetryPorts> = {}) {
  const submitted: (JobRequest | BatchRequest)[] = [];
  const retry = createRetry({
    files: { get: async (_id) => aFile({ _id }) },
    findJob: async () => jobs[0] ?? aJob(),
    findBatch: async () => aBatchOf(jobs),
    jobsOf: async () => [...jobs],
    submitJob: async (_caller, request) => {
      submitted.push(request);
      return { job: aJob(), upload: null };
    },
    submitBatch: async (_caller, request) => {
      submitted.push(request);
      return { batch: aBatchOf([]), jobs: [] };
    },
    open: (sealed, { collection, id, field }) => `${sealed} of ${collection}/${id}/${field}`,
    ...different,
  });
  return { submitted, ...retry };
}

function aBatchOf(jobs: readonly Job[], different: Partial<Batch> = {}): Batch {
  const jobIds = jobs.map(({ _id }) => _id);
  const labels = { owner: 'account:a', dialect: 'graphql', label: 'Spring', retryOf: null } as const;
  const batch = newBatch({ ...labels, _id: newId(), jobIds, wantsArchive: true });
  return { ...batch, status: 'partial', ...different };
}

const ended = (status: JobStatus, different: Partial<Job> = {}) => aJob({ status, ...different });

describe('a job that is done again', () => {
  it('asks for the same of the file that is there, and names the old one', async () => {
    const job = ended('failed');
    const [input] = job.inputs;
    const [conversion] = job.conversions;
    const { submitted, retryJob } = retrying([job]);
    await retryJob(CALLER, job._id);
    expect(submitted).toEqual([
      {
        dialect: 'graphql',
        input: { fileId: input?.fileId },
        target: 'webp',
        options: conversion?.options,
        retryOf: job._id,
      },
    ]);
  });

  it('awaits a file again that is gone, and insists on its format if the first request did', async () => {
    const fresh = aJob();
    const conversions = fresh.conversions.map((conversion) => ({ ...conversion, source: 'png' as const }));
    const { submitted, retryJob } = retrying([{ ...fresh, conversions, status: 'expired' }], {
      files: { get: () => Promise.reject(GONE) },
    });
    await retryJob(CALLER, fresh._id);
    const upload = { filename: 'photo.png', mime: 'image/png', size: 10 };
    expect(submitted).toMatchObject([{ input: { upload }, source: 'png' }]);
  });

  it('is not while nobody can say whether the file is there', async () => {
    const away = new KilnError('UNAVAILABLE', 'The database does not answer.');
    const { submitted, retryJob } = retrying([ended('failed')], {
      files: { get: () => Promise.reject(away) },
    });
    await expect(retryJob(CALLER, 'job')).rejects.toBe(away);
    expect(submitted).toEqual([]);
  });

  it.each([
    [{ url: 'https://me.example/' }, { url: 'https://me.example/' }],
    [
      { url: 'https://me.example/', sealedSecret: 'sealed' },
      { url: 'https://me.example/', secret: 'sealed of jobs/job/callback.secret' },
    ],
  ])('calls back as before: %j', async (callback, expected) => {
    const called = { sealedSecret: null, ...callback, status: 'pending', attempts: 3 } as const;
    const { submitted, retryJob } = retrying([ended('cancelled', { _id: 'job', callback: called })]);
    await retryJob(CALLER, 'job');
    expect(submitted).toMatchObject([{ callback: expected }]);
    expect((submitted[0] as JobRequest).callback).toEqual(expected);
  });

  it.each<JobStatus>(['awaiting_upload', 'queued', 'processing', 'ready'])(
    'is not one that is %s',
    async (status) => {
      const { submitted, retryJob } = retrying([ended(status)]);
      await expect(retryJob(CALLER, 'job')).rejects.toMatchObject({
        code: 'WRONG_STATE',
        message: `The job is ${status}: there is nothing to do again.`,
      });
      expect(submitted).toEqual([]);
    },
  );
});

describe('a batch that is done again', () => {
  it.each([true, false])(
    'has the jobs that did not become ready, with a ZIP if it had one: %s',
    async (zipped) => {
      const jobs = (['ready', 'failed', 'cancelled', 'ready', 'expired'] as const).map((status) =>
        ended(status),
      );
      const { archive } = aBatchOf(jobs);
      const batch = aBatchOf(jobs, { archive: zipped ? archive : null });
      const { submitted, retryBatch } = retrying(jobs, { findBatch: async () => batch });
      await retryBatch(CALLER, batch._id);
      expect(submitted).toMatchObject([
        {
          dialect: 'graphql',
          label: 'Spring',
          archive: zipped,
          retryOf: batch._id,
          jobs: [{ retryOf: jobs[1]?._id }, { retryOf: jobs[2]?._id }, { retryOf: jobs[4]?._id }],
        },
      ]);
    },
  );

  it.each([
    ['processing', 'The batch is not over yet.'],
    ['ready', 'All jobs of the batch are ready: there is nothing to do again.'],
  ] as const)('is not one that is %s', async (status, message) => {
    const batch = aBatchOf([], { status });
    const { submitted, retryBatch } = retrying([], { findBatch: async () => batch });
    await expect(retryBatch(CALLER, batch._id)).rejects.toMatchObject({ code: 'WRONG_STATE', message });
    expect(submitted).toEqual([]);
  });
});
