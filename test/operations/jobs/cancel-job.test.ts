import { describe, expect, it } from 'vitest';
import { KilnError } from '../../../src/domain/errors.ts';
import type { JobStatus } from '../../../src/domain/jobs/job.ts';
import { createCancelJob } from '../../../src/operations/jobs/cancel-job.ts';
import { aJob, anAccountCaller } from '../../support/records.ts';

const CALLER = anAccountCaller();
const ENDED = new KilnError('WRONG_STATE', 'The job has already ended.');

/** Cancels a job that is in `before` when it is looked up, and in `after` once the engine was asked. */
function cancelling(before: JobStatus, after: JobStatus, answer: Error | null = null) {
  const asked: string[] = [];
  const job = aJob({ status: before });
  const cancelJob = createCancelJob({
    jobs: { get: async () => ({ ...job, status: after }) },
    findJob: async () => job,
    runner: {
      async cancelJob({ jobId }) {
        asked.push(jobId);
        if (answer) throw answer;
      },
    },
  });
  return { asked, job, result: cancelJob(CALLER, job._id) };
}

describe('cancelling a job', () => {
  it('asks its workflow and answers with the job as it is then', async () => {
    const { asked, job, result } = cancelling('processing', 'cancelled');
    expect(await result).toMatchObject({ status: 'cancelled' });
    expect(asked).toEqual([job._id]);
  });

  it('that is cancelled asks nobody', async () => {
    const { asked, result } = cancelling('cancelled', 'cancelled');
    expect(await result).toMatchObject({ status: 'cancelled' });
    expect(asked).toEqual([]);
  });

  it('that somebody else cancels at the same moment is fine', async () => {
    expect(await cancelling('queued', 'cancelled', ENDED).result).toMatchObject({ status: 'cancelled' });
  });

  it('that has ended another way is refused', async () => {
    await expect(cancelling('processing', 'ready', ENDED).result).rejects.toBe(ENDED);
  });

  it('while the engine is away says so', async () => {
    const away = new KilnError('UNAVAILABLE', 'The job engine does not answer at the moment.');
    await expect(cancelling('processing', 'processing', away).result).rejects.toBe(away);
  });
});
