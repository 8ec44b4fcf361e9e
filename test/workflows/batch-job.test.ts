import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KilnError } from '../../src/domain/errors.ts';
import type { BatchStart } from '../../src/operations/workflow-runner.ts';
import {
  createWorkflowHarness,
  type Fakes,
  type WorkflowHarness,
} from '../support/harness/workflow-harness.ts';
import { startTimeSkippingServer } from '../support/servers/time-skipping-server.ts';

const MINUTE_MS = 60_000;
/** Time for what happens by itself, on a machine that is busy. */
const WAIT = { timeout: 20_000 };
/** Events of history after which a batch continues as new. */
const LONG_HISTORY = 2000;

let harness: WorkflowHarness;
beforeAll(async () => {
  harness = await createWorkflowHarness(await startTimeSkippingServer());
});
afterAll(() => harness.close());

/** A batch whose id is that of a job of the harness, so that its activities can be replaced. */
async function aBatch(fakes: Fakes, different: Partial<BatchStart> = {}) {
  const job = await harness.job(fakes);
  const start = {
    batchId: job.start.jobId,
    owner: 'account:a',
    title: '250 jobs',
    total: 250,
    wantsArchive: false,
    ...different,
  };
  return { ...job, start, handle: harness.env.client.workflow.getHandle(`batch:${start.batchId}`) };
}

/** Starts a hundred jobs at a time. */
const inPages = async ({ from }: { from: number }) => ({ next: from + 100 });

/** Counts one job less with each call. */
function pending(...counts: number[]) {
  return async () => ({ pending: counts.length > 1 ? (counts.shift() as number) : (counts[0] ?? 0) });
}

describe('a batch', () => {
  it('starts its jobs page by page, and ends when it is told that none is left', async () => {
    const batch = await aBatch({ startBatchJobs: inPages, countBatch: pending(250, 0) });
    await harness.runner.startBatch(batch.start);
    await expect.poll(() => batch.names(), WAIT).toContain('countBatch');
    await harness.runner.signalBatch(batch.start, 'count');
    expect(await batch.handle.result()).toEqual({ status: 'ready' });
    expect(batch.inputsOf('startBatchJobs')).toEqual(
      [0, 100, 200].map((from) => ({ batchId: batch.start.batchId, from })),
    );
    expect(batch.names()).not.toContain('packBatch');
    expect(batch.inputsOf('endBatch')).toEqual([{ batchId: batch.start.batchId, archiveFault: null }]);
  });

  it('looks for itself when nobody tells it', async () => {
    const batch = await aBatch({ startBatchJobs: inPages, countBatch: pending(3, 2, 0) });
    await harness.runner.startBatch(batch.start);
    expect(await batch.handle.result()).toEqual({ status: 'ready' });
    const { startTime, closeTime = startTime } = await batch.handle.describe();
    const minutes = Math.round((closeTime.getTime() - startTime.getTime()) / MINUTE_MS);
    expect(minutes).toBe(20);
  });

  it('ends its jobs when it is cancelled, once, and still counts them', async () => {
    const batch = await aBatch({ startBatchJobs: inPages, countBatch: pending(250, 250, 0) });
    await harness.runner.startBatch(batch.start);
    await expect.poll(() => batch.names(), WAIT).toContain('countBatch');
    await harness.runner.signalBatch(batch.start, 'cancel');
    await expect.poll(() => batch.names(), WAIT).toContain('cancelBatchJobs');
    await harness.runner.signalBatch(batch.start, 'cancel');
    expect(await batch.handle.result()).toEqual({ status: 'ready' });
    expect(batch.names().filter((name) => name === 'cancelBatchJobs')).toHaveLength(1);
  });

  it('hears of a cancel even at the end of a run whose history has become long', async () => {
    const opened = Promise.withResolvers<void>();
    let cancelled = false;
    const batch = await aBatch({
      startBatchJobs: inPages,
      countBatch: async () => {
        await opened.promise;
        return { pending: cancelled ? 0 : 250 };
      },
      cancelBatchJobs: async () => {
        cancelled = true;
      },
    });
    await harness.runner.startBatch(batch.start);
    // It waits for an activity elsewhere, so that all of what follows comes before the answer.
    const counts = () => batch.calls.filter(({ name }) => name === 'countBatch').map(({ local }) => local);
    await expect.poll(counts, WAIT).toContain(false);
    const { runId } = await batch.handle.describe();
    const nudge = () => batch.handle.signal('nudged', { wish: 'count' });
    for (let sent = 0; sent < LONG_HISTORY; sent += 100)
      await Promise.all(Array.from({ length: 100 }, nudge));
    await harness.runner.signalBatch(batch.start, 'cancel');
    opened.resolve();
    await expect.poll(async () => (await batch.handle.describe()).runId, WAIT).not.toBe(runId);
    await expect.poll(() => batch.names(), WAIT).toContain('cancelBatchJobs');
    expect(await batch.handle.result()).toEqual({ status: 'ready' });
    expect(batch.names().filter((name) => name === 'cancelBatchJobs')).toHaveLength(1);
  }, 90_000);

  it('is started by a nudge whose batch had lost its workflow', async () => {
    const batch = await aBatch({ startBatchJobs: inPages });
    await harness.runner.signalBatch(batch.start, 'count');
    expect(await batch.handle.result()).toEqual({ status: 'ready' });
  });

  it('packs the results where that was wanted, and is no less ready when it cannot', async () => {
    const packed = await aBatch({ startBatchJobs: inPages }, { wantsArchive: true });
    await harness.runner.startBatch(packed.start);
    await packed.handle.result();
    expect(packed.names().slice(-3)).toEqual(['countBatch', 'packBatch', 'endBatch']);

    const packBatch = async () => {
      throw new KilnError('TOO_LARGE', 'The archive is too large.');
    };
    const failed = await aBatch({ startBatchJobs: inPages, packBatch }, { wantsArchive: true });
    await harness.runner.startBatch(failed.start);
    expect(await failed.handle.result()).toEqual({ status: 'ready' });
    const archiveFault = { code: 'TOO_LARGE', message: 'The archive is too large.' };
    expect(failed.inputsOf('endBatch')).toEqual([{ batchId: failed.start.batchId, archiveFault }]);
  });

  it('gets over a database that is away for a while', async () => {
    let calls = 0;
    const countBatch = async () => {
      calls += 1;
      if (calls < 15) throw new KilnError('UNAVAILABLE', 'The database does not answer.');
      return { pending: 0 };
    };
    const batch = await aBatch({ startBatchJobs: inPages, countBatch });
    await harness.runner.startBatch(batch.start);
    expect(await batch.handle.result()).toEqual({ status: 'ready' });
  });
});
