import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Waiting } from '../../activities/admit.ts';
import {
  CONVERTED,
  createWorkflowHarness,
  type TestJob,
  type WorkflowHarness,
} from '../support/harness/workflow-harness.ts';
import { startTimeSkippingServer } from '../support/servers/time-skipping-server.ts';

const NOW = { uploadDeadline: null };
const MINUTE_MS = 60_000;

let harness: WorkflowHarness;
beforeAll(async () => {
  harness = await createWorkflowHarness(await startTimeSkippingServer());
});
afterAll(() => harness.close());

/** Makes the first `times` attempts to begin return a position. */
function waiting(times: number) {
  let asked = 0;
  return async (): Promise<typeof CONVERTED | Waiting> => {
    asked += 1;
    return asked > times ? CONVERTED : { position: times + 1 - asked };
  };
}

async function phaseIs({ handle }: TestJob, phase: string): Promise<void> {
  await expect.poll(() => handle.query('phase'), { timeout: 10_000 }).toBe(phase);
}

async function lifetimeOf({ handle }: TestJob): Promise<number> {
  const { startTime, closeTime = startTime } = await handle.describe();
  return closeTime.getTime() - startTime.getTime();
}

describe('a job for which the plan has no place', () => {
  for (const [name, size] of [
    ['small', 1000],
    ['larger', 2 ** 20],
  ] as const) {
    it(`waits until it is told to begin: a ${name} one`, async () => {
      const job = await harness.job({ convertSmallFile: waiting(1) }, { ...NOW, size });
      await harness.runner.startJob(job.start);
      await phaseIs(job, 'waiting for its turn');
      await harness.runner.admitJob(job.start);
      expect(await job.handle.result()).toEqual({ status: 'ready' });
      expect(job.names().filter((called) => called === 'convertSmallFile')).toHaveLength(2);
    });
  }

  it('asks by itself when nobody tells it, less and less often', async () => {
    const job = await harness.job({ acquire: waiting(8) as never }, { ...NOW, size: 2 ** 30 });
    await harness.runner.startJob(job.start);
    expect(await job.handle.result()).toEqual({ status: 'ready' });
    const minutes = (await lifetimeOf(job)) / MINUTE_MS;
    // 15 s, 30 s, 1, 2, 4, 8, 10 and 10 minutes.
    expect(minutes).toBeGreaterThan(35);
    expect(minutes).toBeLessThan(37);
    expect(job.names().filter((name) => name === 'acquire')).toHaveLength(9);
  });

  it('can be cancelled, and does not run again when it is told of its turn afterwards', async () => {
    const job = await harness.job({ convertSmallFile: waiting(99) }, NOW);
    await harness.runner.startJob(job.start);
    await phaseIs(job, 'waiting for its turn');
    await harness.runner.cancelJob(job.start, 'not wanted');
    expect(await job.handle.result()).toEqual({ status: 'cancelled' });
    await harness.runner.admitJob(job.start);
    expect((await job.handle.describe()).status.name).toBe('COMPLETED');
  });

  it('does not miss a turn that comes while it asks', async () => {
    let asked = 0;
    const convertSmallFile = async () => {
      asked += 1;
      if (asked > 1) return CONVERTED;
      await harness.runner.admitJob(job.start);
      return { position: 1 };
    };
    const job = await harness.job({ convertSmallFile }, NOW);
    await harness.runner.startJob(job.start);
    expect(await job.handle.result()).toEqual({ status: 'ready' });
    expect(await lifetimeOf(job)).toBeLessThan(15_000);
  });
});

describe('a job that waits without a workflow', () => {
  it('is started by being told to begin', async () => {
    const job = await harness.job({}, { ...NOW, batchId: 'a batch' });
    await harness.runner.admitJob(job.start);
    expect(await job.handle.result()).toEqual({ status: 'ready' });
  });
});
