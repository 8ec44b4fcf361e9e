import { Client } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Activities } from '../../activities/index.ts';
import type { Log } from '../../src/log.ts';
import { createWorkflowRunner } from '../../src/temporal/runner.ts';
import { startWorkers } from '../../src/temporal/workers.ts';
import {
  CONVERTED,
  createWorkflowHarness,
  type WorkflowHarness,
} from '../support/harness/workflow-harness.ts';
import { startTimeSkippingServer } from '../support/servers/time-skipping-server.ts';

const PREFIX = 'older';

let harness: WorkflowHarness;
beforeAll(async () => {
  harness = await createWorkflowHarness(await startTimeSkippingServer());
});
afterAll(() => harness.close());

it('workers do without builds on a server that knows no worker deployments, and one line says so', async () => {
  const warnings: unknown[][] = [];
  const log = { warn: (...line: unknown[]) => void warnings.push(line) } as unknown as Log;
  const { nativeConnection: connection } = harness.env;
  const client = new Client({ connection });
  const temporal = { client, connection, namespace: 'default', close: async () => {} };
  const activities: Pick<Activities, 'recordEnd' | 'convertSmallFile'> = {
    recordEnd: async ({ end }) => end.to,
    convertSmallFile: async () => CONVERTED,
  };
  const workers = await startWorkers({
    temporal,
    activities,
    queuePrefix: PREFIX,
    concurrency: { image: 1, io: 1, webhook: 1 },
    build: { release: '1.0.0', buildId: undefined, log },
  });
  await workers.takeOver(new AbortController().signal);

  const { start, handle } = await harness.job({}, { uploadDeadline: null });
  await createWorkflowRunner(temporal, PREFIX)
    .startJob(start)
    .catch(() => {});
  expect(await handle.result()).toEqual({ status: 'ready' });
  await workers.stop();
  expect(warnings).toHaveLength(1);
  expect(String(warnings[0]?.[1])).toContain('worker deployments');
}, 60_000);
