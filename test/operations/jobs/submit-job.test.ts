import { beforeEach, describe, expect, it } from 'vitest';
import type { Caller } from '../../../src/domain/access/account.ts';
import { KilnError } from '../../../src/domain/errors.ts';
import type { StoredFile, Upload } from '../../../src/domain/files/file.ts';
import type { Job } from '../../../src/domain/jobs/job.ts';
import type { JobRequest } from '../../../src/operations/jobs/accept-job.ts';
import { createSubmitJob } from '../../../src/operations/jobs/submit-job.ts';
import type { JobStart } from '../../../src/operations/workflow-runner.ts';
import { aFile, anAccountCaller, defaultPlanOf, UNQUEUED } from '../../support/records.ts';

const ACCOUNT = anAccountCaller();
const GUEST: Caller = { kind: 'guest', guestId: 'g' };
const BLOCKED = 'https://blocked.example/';

/** What was written, in order; the ports hold nothing else. */
let written: ({ upload: Upload } | { job: Job } | { start: JobStart })[];
let stored: StoredFile;

beforeEach(() => {
  written = [];
  stored = aFile({ owner: 'account:a', filename: 'stored.jpg' });
});

const submitJob = createSubmitJob({
  ...UNQUEUED,
  jobs: { find: async () => null, insertIfAbsent: async (job) => written.push({ job }) > 0 },
  uploads: { find: async () => null, insertIfAbsent: async (upload) => written.push({ upload }) > 0 },
  files: {
    async get(id) {
      if (id !== stored._id) throw new KilnError('NOT_FOUND', 'There is no such file.');
      return stored;
    },
  },
  runner: { startJob: async (start) => void written.push({ start }) },
  limits: { uploadBytes: 1000, uploadMs: 60_000 },
  credits: { get: () => Promise.reject(new Error('What is free must not ask for credits.')) },
  planOf: defaultPlanOf,
  checkUrl(url) {
    if (url === BLOCKED) throw new KilnError('BLOCKED_ADDRESS', 'This address is never called.');
  },
  seal: (secret, { collection, id, field }) => `sealed(${secret})@${collection}/${id}/${field}`,
});

function jobRequest(different: Partial<JobRequest> = {}): JobRequest {
  const upload = { filename: 'photo.png', mime: 'image/png', size: 1000 };
  return { dialect: 'graphql', input: { upload }, target: 'webp', ...different };
}

const uploading = (different: object) =>
  jobRequest({ input: { upload: { filename: 'photo.png', mime: 'image/png', size: 10, ...different } } });

describe('a job with an upload', () => {
  it('is written before it is started, and waits for the upload that belongs to it', async () => {
    const { job, upload } = await submitJob(ACCOUNT, jobRequest());
    expect(written.map((entry) => Object.keys(entry)[0])).toEqual(['upload', 'job', 'start']);
    expect(job).toMatchObject({
      owner: 'account:a',
      status: 'awaiting_upload',
      inputs: [{ fileId: upload?._id, filename: 'photo.png', size: 1000, status: 'waiting', format: null }],
      conversions: [{ source: null, target: 'webp', status: 'waiting' }],
      uploadDeadline: upload?.expiresAt,
      seq: 1,
    });
    expect(upload).toMatchObject({ jobId: job._id, owner: 'account:a', state: 'open' });
    expect(written[2]).toEqual({
      start: {
        jobId: job._id,
        owner: 'account:a',
        title: 'photo.png → webp',
        source: 'detect',
        target: 'webp',
        size: 1000,
        uploadDeadline: upload?.expiresAt.getTime(),
        hasCallback: false,
        weight: 10,
      },
    });
  });

  it('may be a guest’s', async () => {
    expect((await submitJob(GUEST, jobRequest())).job.owner).toBe('guest:g');
  });

  it('fills in the options of the target', async () => {
    const { job } = await submitJob(ACCOUNT, jobRequest({ options: { width: 20 } }));
    expect(job.conversions[0]?.options).toMatchObject({ width: 20, fit: 'inside', stripMetadata: true });
  });

  it('of an unknown kind is accepted: the bytes will tell', async () => {
    expect((await submitJob(ACCOUNT, uploading({ filename: 'scan' }))).job.status).toBe('awaiting_upload');
  });
});

describe('a job on a stored file', () => {
  it('is queued at once', async () => {
    const { job, upload } = await submitJob(ACCOUNT, jobRequest({ input: { fileId: stored._id } }));
    expect(upload).toBeNull();
    expect(job).toMatchObject({ status: 'queued', inputs: [{ fileId: stored._id, status: 'ready' }] });
    expect(written.at(-1)).toMatchObject({ start: { jobId: job._id, uploadDeadline: null } });
  });

  it('goes by what the bytes were, not by the name', async () => {
    stored = aFile({ owner: 'account:a', filename: 'looks-like.txt.jpg', format: 'png' });
    const { job } = await submitJob(ACCOUNT, jobRequest({ input: { fileId: stored._id } }));
    expect(written.at(-1)).toMatchObject({ start: { jobId: job._id, source: 'png' } });
  });
});

describe('a callback', () => {
  it('keeps its secret sealed, bound to this job', async () => {
    const callback = { url: 'https://receiver.example/', secret: 'hush' };
    const { job } = await submitJob(ACCOUNT, jobRequest({ callback }));
    expect(job.callback).toEqual({
      url: callback.url,
      sealedSecret: `sealed(hush)@jobs/${job._id}/callback.secret`,
      status: 'pending',
      attempts: 0,
    });
    expect(written.at(-1)).toMatchObject({ start: { hasCallback: true } });
    expect(JSON.stringify(written.at(-1))).not.toContain('hush');
  });

  it('needs no secret', async () => {
    const { job } = await submitJob(ACCOUNT, jobRequest({ callback: { url: 'https://receiver.example/' } }));
    expect(job.callback).toMatchObject({ sealedSecret: null });
  });
});

const REFUSALS: [name: string, caller: Caller, request: JobRequest, error: object][] = [
  ['nobody', { kind: 'anonymous' }, jobRequest(), { code: 'UNAUTHENTICATED' }],
  [
    'an unknown target',
    ACCOUNT,
    jobRequest({ target: 'xyz' }),
    { code: 'UNSUPPORTED_CONVERSION', field: 'target' },
  ],
  ['an unknown option', ACCOUNT, jobRequest({ options: { colour: 1 } }), { code: 'INVALID_OPTION' }],
  ['a wrong option', ACCOUNT, jobRequest({ options: { width: 0 } }), { field: 'options.width' }],
  ['options of a wrong kind', ACCOUNT, jobRequest({ options: [1] }), { code: 'INVALID_OPTION' }],
  [
    'an impossible pair',
    ACCOUNT,
    jobRequest({ source: 'png', target: 'svg' }),
    { code: 'UNSUPPORTED_CONVERSION' },
  ],
  ['an impossible pair by name', ACCOUNT, jobRequest({ target: 'svg' }), { code: 'UNSUPPORTED_CONVERSION' }],
  ['no file name', ACCOUNT, uploading({ filename: '' }), { code: 'INVALID_INPUT', field: 'filename' }],
  ['a long file name', ACCOUNT, uploading({ filename: 'a'.repeat(256) }), { field: 'filename' }],
  ['an empty file', ACCOUNT, uploading({ size: 0 }), { code: 'INVALID_INPUT', field: 'size' }],
  ['a negative size', ACCOUNT, uploading({ size: -1 }), { code: 'INVALID_INPUT', field: 'size' }],
  ['half a byte', ACCOUNT, uploading({ size: 1.5 }), { code: 'INVALID_INPUT', field: 'size' }],
  ['no number', ACCOUNT, uploading({ size: Number.NaN }), { code: 'INVALID_INPUT', field: 'size' }],
  ['too large a file', ACCOUNT, uploading({ size: 1001 }), { code: 'TOO_LARGE', field: 'size' }],
  ['a missing file', ACCOUNT, jobRequest({ input: { fileId: 'nothing' } }), { code: 'NOT_FOUND' }],
  [
    'a guest’s callback',
    GUEST,
    jobRequest({ callback: { url: 'https://x.example' } }),
    { code: 'FORBIDDEN' },
  ],
  [
    'a callback that the plan does not include',
    anAccountCaller({ plan: 'basic' }),
    jobRequest({ callback: { url: 'https://x.example' } }),
    { code: 'FORBIDDEN', field: 'callbackUrl' },
  ],
  ['a key that may only read', anAccountCaller({ scopes: ['read'] }), jobRequest(), { code: 'FORBIDDEN' }],
  [
    'a session that may only upload',
    anAccountCaller({ scopes: ['upload'] }),
    jobRequest(),
    { code: 'FORBIDDEN' },
  ],
  [
    'a blocked callback',
    ACCOUNT,
    jobRequest({ callback: { url: BLOCKED } }),
    { code: 'BLOCKED_ADDRESS', field: 'callbackUrl' },
  ],
];

describe('what is refused', () => {
  it.each(REFUSALS)('%s, before anything is written', async (_name, caller, refused, error) => {
    await expect(submitJob(caller, refused)).rejects.toMatchObject(error);
    expect(written).toEqual([]);
  });

  it('somebody else’s file, as if it did not exist', async () => {
    const foreign = submitJob(GUEST, jobRequest({ input: { fileId: stored._id } }));
    await expect(foreign).rejects.toMatchObject({ code: 'NOT_FOUND', message: 'There is no such file.' });
    expect(written).toEqual([]);
  });
});
