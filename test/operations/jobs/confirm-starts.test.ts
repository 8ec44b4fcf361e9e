import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { startLease, uploadLease } from '../../../src/domain/jobs/job-lease.ts';
import { createConfirmStarts } from '../../../src/operations/jobs/confirm-starts.ts';
import { jobStart } from '../../../src/operations/jobs/job-start.ts';
import type { WorkflowRunner } from '../../../src/operations/workflow-runner.ts';
import type { StartedJob } from '../../../src/store/job-leases.ts';
import { aJob } from '../../support/records.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function confirming({ start = async () => {}, confirm = async () => {} } = {}) {
  const writes: StartedJob[][] = [];
  const said: unknown[] = [];
  const { runner, close } = createConfirmStarts(
    {
      leases: {
        async confirmStarts(jobs) {
          writes.push([...jobs]);
          await confirm();
        },
      },
      log: { warn: (what: unknown) => void said.push(what) },
    },
    { startJob: start } as unknown as WorkflowRunner,
  );
  return { runner, close, writes, said, ids: () => writes.map((jobs) => jobs.map(({ jobId }) => jobId)) };
}

it('starts of one second are noted in one write, with when to look at them', async () => {
  const { runner, writes, ids } = confirming();
  const job = aJob({ _id: 'one' });
  await runner.startJob(jobStart(job));
  await vi.advanceTimersByTimeAsync(999);
  await runner.startJob(jobStart(aJob({ _id: 'two' })));
  expect(writes).toEqual([]);
  const seen = startLease();
  await vi.advanceTimersByTimeAsync(1);
  expect(ids()).toEqual([['one', 'two']]);
  expect(writes[0]?.[0]).toEqual({
    jobId: 'one',
    seen: new Date(seen.getTime() - 999),
    until: uploadLease(job.uploadDeadline.getTime()),
  });
  await runner.startJob(jobStart(aJob({ _id: 'three' })));
  await vi.advanceTimersByTimeAsync(1000);
  expect(ids()).toEqual([['one', 'two'], ['three']]);
});

it.each([
  ['that waits for no upload', aJob({ status: 'queued' })],
  ['of a batch, which looks after it', aJob({ batchId: 'batch' })],
])('a start %s is not noted', async (_what, job) => {
  const { runner, ids } = confirming();
  await runner.startJob(jobStart(job));
  await vi.advanceTimersByTimeAsync(1000);
  expect(ids()).toEqual([]);
});

it('nor is one that failed, which its caller hears', async () => {
  const { runner, ids } = confirming({ start: () => Promise.reject(new Error('away')) });
  await expect(runner.startJob(jobStart(aJob()))).rejects.toThrow('away');
  await vi.advanceTimersByTimeAsync(1000);
  expect(ids()).toEqual([]);
});

it('the rest is written at the end, once', async () => {
  const { runner, close, ids } = confirming();
  await runner.startJob(jobStart(aJob({ _id: 'one' })));
  await close();
  expect(ids()).toEqual([['one']]);
  expect(vi.getTimerCount()).toBe(0);
});

it('a note that is lost is no fault, but said', async () => {
  const { runner, close, said } = confirming({ confirm: () => Promise.reject(new Error('away')) });
  await runner.startJob(jobStart(aJob()));
  await close();
  expect(said).toEqual([{ jobs: 1, error: 'Error: away' }]);
});
