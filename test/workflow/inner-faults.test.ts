import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KilnError } from '../../src/domain/errors.ts';
import { CONVERTED, createWorkflowBench, type WorkflowBench } from '../support/bench/workflow-bench.ts';
import { startTimeSkippingServer } from '../support/servers/time-skipping-server.ts';

/** Eight within five seconds where the workflow runs, four more elsewhere. */
const MOST_ATTEMPTS = 12;

let bench: WorkflowBench;
beforeAll(async () => {
  bench = await createWorkflowBench(await startTimeSkippingServer());
});
afterAll(() => bench.close());

const defect = async () => {
  throw new TypeError('a fault of our own');
};

describe('a fault of our own in a database write', () => {
  it('fails the job after some attempts', async () => {
    const { start, handle, ends, inputsOf } = await bench.job({ recordQueued: defect });
    await bench.runner.uploadCompleted(start);
    expect(await handle.result()).toEqual({ status: 'failed' });
    expect(ends()).toMatchObject([{ to: 'failed', fault: { code: 'INTERNAL' } }]);
    const { length } = inputsOf('recordQueued');
    expect(length).toBeGreaterThan(1);
    expect(length).toBeLessThanOrEqual(MOST_ATTEMPTS);
  });

  it('leaves a job whose end cannot be written to the repair, which starts it again', async () => {
    let broken = true;
    const { start, handle, inputsOf } = await bench.job({
      recordEnd: ({ end }) => (broken ? defect() : Promise.resolve(end.to)),
    });
    await bench.runner.uploadCompleted(start);
    await expect(handle.result()).rejects.toThrow();
    expect(inputsOf('recordEnd').length).toBeLessThanOrEqual(MOST_ATTEMPTS);
    broken = false;
    await bench.runner.uploadCompleted(start);
    const again = bench.env.client.workflow.getHandle(handle.workflowId);
    expect(await again.result()).toEqual({ status: 'ready' });
    expect(inputsOf('recordEnd').at(-1)).toMatchObject({ end: { to: 'ready', outputs: [CONVERTED] } });
  });

  it('is not what an outage is: that is sat out for hours', async () => {
    let calls = 0;
    const { start, handle } = await bench.job({
      recordQueued: async () => {
        calls += 1;
        if (calls < 400) throw new KilnError('UNAVAILABLE', 'The database does not answer.');
      },
    });
    const before = await bench.env.currentTimeMs();
    await bench.runner.uploadCompleted(start);
    expect(await handle.result()).toEqual({ status: 'ready' });
    expect((await bench.env.currentTimeMs()) - before).toBeGreaterThan(2 * 3_600_000);
  });
});
