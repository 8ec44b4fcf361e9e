import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createWorkflowHarness, type WorkflowHarness } from '../support/harness/workflow-harness.ts';
import { startTimeSkippingServer } from '../support/servers/time-skipping-server.ts';

let harness: WorkflowHarness;
beforeAll(async () => {
  harness = await createWorkflowHarness(await startTimeSkippingServer());
});
afterAll(() => harness.close());

/** While Temporal is away calls are tried again, and the first one may come through as the last one. */
describe('a call that comes through after the job or batch has ended', () => {
  it.each(['startJob', 'uploadCompleted', 'admitJob'] as const)(
    '%s does not begin it again',
    async (call) => {
      const { start, handle } = await harness.job();
      await harness.runner.startJob(start);
      await harness.runner.uploadCompleted(start);
      expect(await handle.result()).toEqual({ status: 'ready' });
      const { runId } = await handle.describe();
      await harness.runner[call](start);
      expect(await handle.describe()).toMatchObject({ runId, status: { name: 'COMPLETED' } });
    },
  );

  it.each(['count', 'cancel'] as const)('a batch that is over is not begun again to %s', async (request) => {
    const { start: job } = await harness.job({ countBatch: async () => ({ pending: 0 }) });
    const start = { batchId: job.jobId, owner: job.owner, title: '0 jobs', total: 0, wantsArchive: false };
    await harness.runner.startBatch(start);
    const handle = harness.env.client.workflow.getHandle(`batch:${start.batchId}`);
    await handle.result();
    const { runId } = await handle.describe();
    await harness.runner.startBatch(start);
    await harness.runner.signalBatch(start, request);
    expect(await handle.describe()).toMatchObject({ runId, status: { name: 'COMPLETED' } });
  });

  it('does begin a job again whose workflow was ended by hand', async () => {
    const { start, handle } = await harness.job();
    await harness.runner.startJob(start);
    await handle.terminate('by hand');
    await harness.runner.uploadCompleted(start);
    const again = harness.env.client.workflow.getHandle(handle.workflowId);
    expect(await again.result()).toEqual({ status: 'ready' });
  });
});
