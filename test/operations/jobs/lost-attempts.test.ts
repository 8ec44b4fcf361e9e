import { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import {
  CONVERTED,
  createWorkflowHarness,
  quietRuntime,
  type WorkflowHarness,
} from '../../support/harness/workflow-harness.ts';

let harness: WorkflowHarness;
beforeAll(async () => {
  quietRuntime();
  const address = inject('temporalAddress');
  harness = await createWorkflowHarness(await TestWorkflowEnvironment.createFromExistingServer({ address }));
});
afterAll(() => harness.close());

describe('an attempt whose worker falls silent', () => {
  it('counts as one of the engine, since the file may have felled it, and is made again', async () => {
    const hung = Promise.withResolvers<typeof CONVERTED>();
    const tries = [() => hung.promise, async () => CONVERTED];
    const job = await harness.job(
      { convertSmallFile: () => (tries.shift() ?? (async () => CONVERTED))() },
      { uploadDeadline: null },
    );
    await harness.runner.startJob(job.start);
    expect(await job.handle.result()).toEqual({ status: 'ready' });
    hung.resolve(CONVERTED);
    // Temporal has not tried by itself: it would go on for as long as the job may live.
    const attempts = job.calls.filter(({ name }) => name === 'convertSmallFile');
    expect(attempts.map(({ attempt }) => attempt)).toEqual([1, 1]);
  });
});

describe('a job whose file has the longest of names', () => {
  it('is converted all the same, with a shortened title in Temporal', async () => {
    const title = `${'🍕'.repeat(250)}.png → webp`;
    for (const different of [{ uploadDeadline: null }, { hasCallback: true }]) {
      const job = await harness.job({}, { title, ...different });
      await harness.runner.startJob(job.start);
      await harness.runner.uploadCompleted(job.start);
      expect(await job.handle.result()).toEqual({ status: 'ready' });
    }
  });
});
