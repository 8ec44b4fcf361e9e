import { afterAll, beforeAll, expect, it } from 'vitest';
import type { monthlyGrant } from '../../workflows/monthly-grant.ts';
import { createWorkflowBench, type WorkflowBench } from '../support/bench/workflow-bench.ts';
import { startTimeSkippingServer } from '../support/servers/time-skipping-server.ts';

let bench: WorkflowBench;
beforeAll(async () => {
  bench = await createWorkflowBench(await startTimeSkippingServer());
});
afterAll(() => bench.close());

it('the monthly grant goes on in a new run after a hundred pages, where it has come to', async () => {
  const PAGES = 130;
  const job = await bench.job({
    grantMonth: async ({ after }) => ({
      next: Number(after) === PAGES - 1 ? null : String(Number(after) + 1),
    }),
  });
  const month = job.start.jobId;
  const { client } = bench.env;
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
