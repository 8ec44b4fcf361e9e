import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobEnd } from '../../activities/record.ts';
import { KilnError } from '../../src/domain/errors.ts';
import {
  CONVERTED,
  createWorkflowHarness,
  type WorkflowHarness,
} from '../support/harness/workflow-harness.ts';
import { startTimeSkippingServer } from '../support/servers/time-skipping-server.ts';

/** Eight local attempts within five seconds, then four remote ones. */
const MOST_ATTEMPTS = 12;

let harness: WorkflowHarness;
beforeAll(async () => {
  harness = await createWorkflowHarness(await startTimeSkippingServer());
});
afterAll(() => harness.close());

const defect = async () => {
  throw new TypeError('a fault of our own');
};

describe('a fault of our own in a database write', () => {
  it('fails the job after some attempts', async () => {
    const { start, handle, ends, inputsOf } = await harness.job({ recordQueued: defect });
    await harness.runner.uploadCompleted(start);
    expect(await handle.result()).toEqual({ status: 'failed' });
    expect(ends()).toMatchObject([{ to: 'failed', fault: { code: 'INTERNAL' } }]);
    const { length } = inputsOf('recordQueued');
    expect(length).toBeGreaterThan(1);
    expect(length).toBeLessThanOrEqual(MOST_ATTEMPTS);
  });

  it('leaves a job whose end cannot be written to the repair, which starts it again', async () => {
    let broken = true;
    const { start, handle, inputsOf } = await harness.job({
      recordEnd: ({ end }) => (broken ? defect() : Promise.resolve(end.to)),
    });
    await harness.runner.uploadCompleted(start);
    await expect(handle.result()).rejects.toThrow();
    for (const to of ['ready', 'failed']) {
      const tried = inputsOf('recordEnd').filter((input) => (input as { end: JobEnd }).end.to === to);
      expect(tried.length).toBeGreaterThan(0);
      expect(tried.length).toBeLessThanOrEqual(MOST_ATTEMPTS);
    }
    broken = false;
    await harness.runner.uploadCompleted(start);
    const again = harness.env.client.workflow.getHandle(handle.workflowId);
    expect(await again.result()).toEqual({ status: 'ready' });
    expect(inputsOf('recordEnd').at(-1)).toMatchObject({ end: { to: 'ready', outputs: [CONVERTED] } });
  });

  it('is not what an outage is: that is sat out for hours', async () => {
    let calls = 0;
    const { start, handle } = await harness.job({
      recordQueued: async () => {
        calls += 1;
        if (calls < 400) throw new KilnError('UNAVAILABLE', 'The database does not answer.');
      },
    });
    const before = await harness.env.currentTimeMs();
    await harness.runner.uploadCompleted(start);
    expect(await handle.result()).toEqual({ status: 'ready' });
    expect((await harness.env.currentTimeMs()) - before).toBeGreaterThan(2 * 3_600_000);
  });
});
