import { describe, expect, it } from 'vitest';
import type { Job } from '../../../src/domain/jobs/job.ts';
import { createEmitJobs, type EmitJobsPorts } from '../../../src/operations/webhooks/emit-jobs.ts';
import { aBatch, aFile, aJob, anAccountCaller, anEndpoint, anUpload } from '../../support/records.ts';

/** Owners subscribed to all but `unheard`; what is emitted, in order. */
function emitting(unheard: string[] = [], different: Partial<EmitJobsPorts> = {}) {
  const emitted: [type: string, subjectId: string, data: object][] = [];
  const said: unknown[] = [];
  const emits = createEmitJobs({
    emit: async ({ type, subjectId, data }) => void emitted.push([type, subjectId, data]),
    subscribers: async (_owner, type) => (unheard.includes(type) ? [] : [anEndpoint()]),
    files: { get: async (_id) => aFile({ _id, filename: 'there.png' }) },
    log: { warn: (what: unknown) => void said.push(what) },
    downloadUrl: ({ fileId }) => `https://kiln.example/${fileId}`,
    ...different,
  } as EmitJobsPorts);
  return { emits, emitted, said, types: () => emitted.map(([type]) => type) };
}

describe('the end of a job', () => {
  it.each(['ready', 'failed', 'cancelled', 'expired'] as const)(
    '%s is emitted after its beginning',
    async (status) => {
      const { emits, emitted } = emitting();
      await emits.emitJobEnded(aJob({ _id: 'job', status }));
      expect(emitted).toMatchObject([
        ['job.created', 'job', { id: 'job', status: 'awaiting_upload' }],
        [`job.${status}`, 'job', { id: 'job', status }],
      ]);
    },
  );

  it.each<Job['status']>(['awaiting_upload', 'queued', 'processing'])(
    'is not that it is %s',
    async (status) => {
      const { emits, emitted } = emitting();
      await emits.emitJobEnded(aJob({ status }));
      expect(emitted).toEqual([]);
    },
  );

  it('is built only for those who want it', async () => {
    const { emits, types } = emitting(['job.ready']);
    await emits.emitJobEnded(aJob({ status: 'ready' }));
    expect(types()).toEqual(['job.created']);
  });
});

it('the end of a batch is emitted', async () => {
  const { emits, emitted } = emitting();
  await emits.emitBatchEnded(aBatch({ _id: 'batch', status: 'partial' }));
  expect(emitted).toMatchObject([['batch.finished', 'batch', { id: 'batch', status: 'partial' }]]);
});

describe('a job that is submitted', () => {
  const job = aJob({ _id: 'job' });
  const submit = async () => ({ job, upload: null });
  const request = { dialect: 'graphql', input: { fileId: 'file' }, target: 'webp' } as const;

  it('is answered once its beginning is emitted', async () => {
    const { emits, types } = emitting();
    expect(await emits.emittingSubmit(submit)(anAccountCaller(), request)).toEqual({ job, upload: null });
    expect(types()).toEqual(['job.created']);
  });

  it('is answered although that fails, which is said', async () => {
    const { emits, said } = emitting([], { emit: () => Promise.reject(new Error('away')) });
    expect(await emits.emittingSubmit(submit)(anAccountCaller(), request)).toEqual({ job, upload: null });
    expect(said).toEqual([{ jobId: 'job', error: 'Error: away' }]);
  });
});

describe('an upload that is completed', () => {
  const completing = (jobId: string | null) => async () => ({
    upload: anUpload({ _id: 'file', jobId, state: 'finalized' }),
    repeated: false,
  });

  it.each([
    [null, ['file.uploaded']],
    ['job', []],
  ])('is emitted unless a job has it: %s', async (jobId, types) => {
    const { emits, emitted } = emitting();
    const complete = completing(jobId) as unknown as Parameters<typeof emits.emittingUpload>[0];
    const completed = await emits.emittingUpload(complete)(anAccountCaller(), 'file');
    expect(completed.upload).toMatchObject({ _id: 'file', jobId });
    expect(emitted.map(([type]) => type)).toEqual(types);
    for (const [, subjectId, data] of emitted)
      expect([subjectId, data]).toMatchObject(['file', { id: 'file', filename: 'there.png' }]);
  });
});
