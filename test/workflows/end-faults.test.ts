import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KilnError } from '../../src/domain/errors.ts';
import { createWorkflowHarness, type WorkflowHarness } from '../support/harness/workflow-harness.ts';
import { startTimeSkippingServer } from '../support/servers/time-skipping-server.ts';

let harness: WorkflowHarness;
beforeAll(async () => {
  harness = await createWorkflowHarness(await startTimeSkippingServer());
});
afterAll(() => harness.close());

const defect = async () => {
  throw new TypeError('a fault of our own');
};

const failing = async () => {
  throw new KilnError('CORRUPT_INPUT', 'The file is damaged.');
};

describe('a fault of our own', () => {
  it('that keeps a result from being written, ends the job as failed, with a callback', async () => {
    const { start, handle, ends, names } = await harness.job(
      { recordEnd: ({ end }) => (end.to === 'ready' ? defect() : Promise.resolve(end.to)) },
      { hasCallback: true },
    );
    await harness.runner.uploadCompleted(start);
    expect(await handle.result()).toEqual({ status: 'failed' });
    expect(ends().at(-1)).toMatchObject({ to: 'failed', fault: { code: 'INTERNAL' } });
    expect(names()).toContain('discardFiles');
    await expect.poll(names, { timeout: 20_000 }).toContain('attemptDelivery');
  });

  it('after the end keeps nothing else from being done, and is seen in the workflow', async () => {
    const { start, handle, names } = await harness.job(
      { convertSmallFile: failing, discardFiles: defect },
      { hasCallback: true },
    );
    await harness.runner.uploadCompleted(start);
    await expect(handle.result()).rejects.toThrow();
    await expect.poll(names, { timeout: 20_000 }).toContain('attemptDelivery');
  });

  it.each(['startBatchJobs', 'cancelBatchJobs'] as const)(
    'ends the attempts of a batch at %s, which the repair starts again',
    async (name) => {
      const job = await harness.job({ [name]: defect, countBatch: async () => ({ pending: 1 }) });
      const { jobId: batchId, owner } = job.start;
      const start = { batchId, owner, title: '100 jobs', total: 100, wantsArchive: false };
      await harness.runner.signalBatch(start, 'cancel');
      const batch = harness.env.client.workflow.getHandle(`batch:${batchId}`);
      await expect(batch.result()).rejects.toThrow();
      expect(job.inputsOf(name)).toHaveLength(4);
    },
  );
});
