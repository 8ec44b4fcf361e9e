import { afterAll, beforeAll, expect, it } from 'vitest';
import type { monthlyGrant } from '../../workflows/monthly-grant.ts';
import { createWorkflowHarness, type WorkflowHarness } from '../support/harness/workflow-harness.ts';
import { startTimeSkippingServer } from '../support/servers/time-skipping-server.ts';

let harness: WorkflowHarness;
beforeAll(async () => {
  harness = await createWorkflowHarness(await startTimeSkippingServer());
});
afterAll(() => harness.close());

it('the monthly grant goes on in a new run after a hundred pages, where it has come to', async () => {
  const PAGES = 130;
  const job = await harness.job({
    grantMonth: async ({ after }) => ({
      next: Number(after) === PAGES - 1 ? null : String(Number(after) + 1),
    }),
  });
  const month = job.start.jobId;
  const { client } = harness.env;
  const handle = await client.workflow.start<typeof monthlyGrant>('monthlyGrant', {
    workflowId: `grant-${month}`,
    taskQueue: 'test-jobs',
    args: [{ month, after: '0' }],
  });
  await handle.result();
  const pages = job.inputsOf('grantMonth').map((input) => Number((input as { after: string }).after));
  expect(pages).toEqual(Array.from({ length: PAGES }, (_, i) => i));
  const first = client.workflow.getHandle(`grant-${month}`, handle.firstExecutionRunId);
  expect((await first.describe()).status.name).toBe('CONTINUED_AS_NEW');
});
