import { expect, it, vi } from 'vitest';
import { KilnError } from '../../../src/domain/errors.ts';
import {
  type BestEffortRunner,
  createBestEffortRunner,
} from '../../../src/operations/jobs/best-effort-runner.ts';
import { createSubmitJob } from '../../../src/operations/jobs/submit-job.ts';
import type { JobStart } from '../../../src/operations/workflow-runner.ts';
import { anAccountCaller, defaultPlanOf, UNQUEUED } from '../../support/records.ts';

const request = {
  dialect: 'graphql',
  input: { upload: { filename: 'photo.png', mime: 'image/png', size: 10 } },
  target: 'webp',
} as const;

/** A submission whose workflow engine answers every start like this. */
function submission(startJob: (start: JobStart) => Promise<void>) {
  const warn = vi.fn();
  const runner = { startJob } as BestEffortRunner;
  const written: string[] = [];
  const submitJob = createSubmitJob({
    ...UNQUEUED,
    jobs: { find: async () => null, insertIfAbsent: async ({ _id }) => written.push(_id) > 0 },
    uploads: { find: async () => null, insertIfAbsent: async () => true },
    files: { get: () => Promise.reject(new Error('There is no file.')) },
    runner: createBestEffortRunner(runner, { warn }, 50),
    limits: { uploadBytes: 1000, uploadMs: 60_000 },
    credits: { get: () => Promise.reject(new Error('What is free must not ask for credits.')) },
    planOf: defaultPlanOf,
    checkUrl: () => {},
    seal: () => 'sealed',
  });
  return { submitJob: () => submitJob(anAccountCaller(), request), written, warn };
}

it('a written job is the answer, though its workflow cannot be started', async () => {
  const { submitJob, written, warn } = submission(() =>
    Promise.reject(new KilnError('UNAVAILABLE', 'The job engine does not answer at the moment.')),
  );
  const { job } = await submitJob();
  expect(written).toEqual([job._id]);
  expect(warn).toHaveBeenCalledWith(
    expect.objectContaining({ jobId: job._id, error: expect.stringContaining('does not answer') }),
    expect.stringContaining('by the repair'),
  );
});

it('a written job is the answer, though nothing is heard of its workflow', async () => {
  const { submitJob, written } = submission(() => new Promise(() => {}));
  const { job } = await submitJob();
  expect(written).toEqual([job._id]);
});
