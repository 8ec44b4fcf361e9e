import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Batch } from '../../../src/domain/batches/batch.ts';
import { KilnError } from '../../../src/domain/errors.ts';
import type { Upload } from '../../../src/domain/files/file.ts';
import type { Job } from '../../../src/domain/jobs/job.ts';
import {
  type BatchRequest,
  createSubmitBatch,
  type SubmitBatchPorts,
} from '../../../src/operations/batches/submit-batch.ts';
import type { JobRequest } from '../../../src/operations/jobs/accept-job.ts';
import { aFile, anAccountCaller, defaultPlanOf, UNQUEUED } from '../../support/records.ts';

const CALLER = anAccountCaller();
const stored = aFile({ filename: 'stored.png' });
const upload = { filename: 'photo.png', mime: 'image/png', size: 10 };
const uploading: JobRequest = { dialect: 'graphql', input: { upload }, target: 'webp' };
const onFile: JobRequest = { dialect: 'graphql', input: { fileId: stored._id }, target: 'webp' };
const request = (jobs: JobRequest[], different: Partial<BatchRequest> = {}): BatchRequest => ({
  dialect: 'graphql',
  jobs,
  ...different,
});

/** A submission into an empty database; what was written, in order. */
function submitting(different: Partial<SubmitBatchPorts> = {}) {
  const done: string[] = [];
  const batches = new Map<string, Batch>();
  const jobs = new Map<string, Job>();
  const uploads = new Map<string, Upload>();
  const submitBatch = createSubmitBatch({
    ...UNQUEUED,
    batches: {
      find: async (id) => batches.get(id) ?? null,
      async insertIfAbsent(batch) {
        done.push('batch');
        batches.set(batch._id, batch);
      },
      async endSubmission(id) {
        done.push('whole');
        const { submitting: _, ...whole } = batches.get(id) as Batch;
        batches.set(id, whole);
      },
    },
    jobs: {
      async insertMissing(missing) {
        done.push(`${missing.length} jobs`);
        for (const job of missing) jobs.set(job._id, job);
      },
      getMany: async (ids) => ids.map((id) => jobs.get(id) as Job),
    },
    uploads: {
      async insertMissing(missing) {
        done.push(`${missing.length} uploads`);
        for (const one of missing) uploads.set(one._id, one);
      },
      findMany: async (ids) => new Map([...uploads].filter(([id]) => ids.includes(id))),
    },
    runner: {
      // Later than whoever does not wait for it.
      async startBatch({ total }) {
        await setImmediate();
        done.push(`start ${total}`);
      },
    },
    admissions: { openUploads: async (_key, ids) => void done.push(`open ${ids.length}`) },
    files: {
      async get(id) {
        if (id === stored._id) return stored;
        throw new KilnError('NOT_FOUND', 'There is no such file.', { hint: 'Upload it.' });
      },
    },
    limits: { uploadBytes: 1000, uploadMs: 60_000 },
    credits: { get: () => Promise.reject(new Error('What is free must not ask for credits.')) },
    planOf: defaultPlanOf,
    checkUrl() {},
    seal: (secret) => secret,
    ...different,
  } as SubmitBatchPorts);
  return { done, submitBatch };
}

describe('a batch that is submitted', () => {
  it('is written before its jobs, which are written before it starts', async () => {
    const { done, submitBatch } = submitting();
    const { batch, jobs } = await submitBatch(CALLER, request([uploading, onFile], { label: 'Spring' }));
    expect(done).toEqual(['open 1', 'batch', '1 uploads', '2 jobs', 'whole', 'start 2']);
    expect(jobs.map(({ job, upload: one }) => [job.batchId, job.status, one?.jobId ?? null])).toEqual([
      [batch._id, 'awaiting_upload', jobs[0]?.job._id],
      [batch._id, 'queued', null],
    ]);
    expect(batch).toMatchObject({
      owner: 'account:a',
      dialect: 'graphql',
      label: 'Spring',
      archive: null,
      retryOf: null,
      jobIds: jobs.map(({ job }) => job._id),
    });
  });

  it('opens no upload where it needs none, and has a ZIP if that is wanted', async () => {
    const { done, submitBatch } = submitting();
    const { batch } = await submitBatch(CALLER, request([onFile], { archive: true, retryOf: 'old' }));
    expect(done).toEqual(['batch', '0 uploads', '1 jobs', 'whole', 'start 1']);
    expect([batch.archive?.filename, batch.retryOf]).toEqual([expect.stringMatching(/\.zip$/), 'old']);
  });

  it('is the same when it is asked for again under its key', async () => {
    const { done, submitBatch } = submitting();
    const keyed = request([uploading, onFile], { idempotencyKey: 'one batch' });
    const first = await submitBatch(CALLER, keyed);
    done.length = 0;
    const { batch, jobs } = await submitBatch(CALLER, keyed);
    expect([batch._id, jobs]).toEqual([first.batch._id, first.jobs]);
    expect(done).toEqual([]);
  });
});

describe('a batch that cannot be', () => {
  it.each<[string, JobRequest, object]>([
    [
      'names the job and the field',
      { ...uploading, target: 'xyz' },
      {
        code: 'UNSUPPORTED_CONVERSION',
        field: 'jobs.1.target',
        message: expect.stringMatching(/^Job 2: "xyz"/),
      },
    ],
    [
      'names the job alone',
      { ...onFile, input: { fileId: 'gone' } },
      { code: 'NOT_FOUND', field: 'jobs.1', message: 'Job 2: There is no such file.', hint: 'Upload it.' },
    ],
  ])('%s, and writes nothing', async (_what, wrong, refusal) => {
    const { done, submitBatch } = submitting();
    await expect(submitBatch(CALLER, request([uploading, wrong]))).rejects.toMatchObject(refusal);
    expect(done).toEqual([]);
  });

  it('is not told of what nobody expected as if a job were wrong', async () => {
    const fault = new Error('broken');
    const { submitBatch } = submitting({ files: { get: () => Promise.reject(fault) } });
    await expect(submitBatch(CALLER, request([onFile]))).rejects.toBe(fault);
  });

  it.each([
    ['of nobody', { kind: 'anonymous' } as const, request([onFile]), 'UNAUTHENTICATED'],
    ['of a plan without batches', anAccountCaller({ plan: 'free' }), request([onFile]), 'FORBIDDEN'],
    ['without jobs', CALLER, request([]), 'INVALID_INPUT'],
    ['with too long a label', CALLER, request([onFile], { label: 'x'.repeat(1000) }), 'INVALID_INPUT'],
  ])('%s', async (_what, caller, wrong, code) => {
    const { done, submitBatch } = submitting();
    await expect(submitBatch(caller, wrong)).rejects.toMatchObject({ code });
    expect(done).toEqual([]);
  });

  it('is written nowhere when too many uploads are open', async () => {
    const refused = new KilnError('RATE_LIMITED', 'Too many.');
    const { done, submitBatch } = submitting({ admissions: { openUploads: () => Promise.reject(refused) } });
    await expect(submitBatch(CALLER, request([uploading]))).rejects.toBe(refused);
    expect(done).toEqual([]);
  });
});
