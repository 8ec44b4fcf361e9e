import { readFile, writeFile } from 'node:fs/promises';
import { cancelled, heartbeat } from '@temporalio/activity';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { KilnError } from '../../src/domain/errors.ts';
import type { JobStart } from '../../src/operations/workflow-runner.ts';
import {
  CONVERTED,
  createWorkflowHarness,
  type Fakes,
  quietRuntime,
  type WorkflowHarness,
} from '../support/harness/workflow-harness.ts';

/*
 * Records what jobs of this version leave in Temporal's history. Run it by hand once for each release,
 * when a workflow of that release has changed, against a running Kiln:
 *
 *   node test/workflows/record-histories.ts <temporalAddress of run.json> [names of new scenarios]
 *
 * Never record again to make the replay test pass: a history that no longer replays is a job of a
 * user that the new code would break. Put a patched() branch into the workflow instead.
 */

interface Scenario {
  fakes?: Fakes;
  start?: Partial<JobStart>;
  run?(harness: WorkflowHarness, start: JobStart): Promise<void>;
}

const now = { uploadDeadline: null };
const away = new KilnError('UNAVAILABLE', 'The database does not answer.');

const SCENARIOS: Record<string, Scenario> = {
  'upload-then-ready': { run: ({ runner }, start) => runner.uploadCompleted(start) },
  'started-by-upload': {
    run: async ({ runner }, start) => {
      await runner.uploadCompleted(start);
      await runner.uploadCompleted(start);
    },
  },
  'ready-with-callback': { start: { ...now, hasCallback: true } },
  'ready-at-once': { start: { ...now, size: 1000 } },
  'at-once-then-usual': { start: { ...now, size: 1000 }, fakes: { convertSmallFile: failingOnce() } },
  'ready-large': { start: { ...now, size: 2 ** 30 } },
  expired: { start: { uploadDeadline: Date.now() + 15_000 } },
  'failed-at-once': {
    start: now,
    fakes: { convertSmallFile: throwing(new KilnError('CORRUPT_INPUT', 'The file is damaged.')) },
  },
  'failed-after-retries': {
    start: { ...now, hasCallback: true },
    fakes: { convertSmallFile: throwing(new KilnError('ENGINE_CRASHED', 'The engine stopped.')) },
  },
  'cancelled-while-waiting': { run: ({ runner }, start) => runner.cancelJob(start, 'not wanted') },
  'cancelled-while-converting': {
    start: now,
    fakes: { convertSmallFile: neverEnding },
    run: async ({ runner }, start) => {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      await runner.cancelJob(start, 'not wanted');
    },
  },
  'waited-for-its-turn': {
    start: { ...now, size: 1000 },
    fakes: { convertSmallFile: waitingOnce() },
    run: async ({ runner }, start) => {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      await runner.admitJob(start);
    },
  },
  'database-outage': { start: now, fakes: { recordEnd: failingFor(8000) } },
};

const DELIVERIES: Record<string, Scenario> = {
  'delivery-after-retries': {
    fakes: {
      attemptDelivery: async ({ attempt }) =>
        attempt < 3
          ? { outcome: 'retry', answer: '503', delayMs: 1000 }
          : { outcome: 'delivered', answer: '200' },
    },
  },
  'delivery-held-then-woken': {
    fakes: {
      attemptDelivery: async ({ holds = 0 }) =>
        holds === 0
          ? { outcome: 'held', answer: 'paused', delayMs: 3_600_000 }
          : { outcome: 'delivered', answer: '200' },
    },
    run: async ({ runner }, { jobId }) => {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      await runner.wakeDelivery(jobId);
    },
  },
  'delivery-after-courier': {
    run: ({ runner }, { jobId }) =>
      runner.startDelivery({
        deliveryId: jobId,
        attempt: 2,
        delayMs: 1000,
        fairnessKey: 'endpoint',
        title: 'job.ready',
      }),
  },
  'delivery-failed': { fakes: { attemptDelivery: async () => ({ outcome: 'failed', answer: '500' }) } },
};

/** A batch carries the id of the job that stands for it. */
const batchOf = ({ jobId: batchId, owner }: JobStart) => ({
  batchId,
  owner,
  title: '250 jobs',
  total: 250,
  wantsArchive: true,
});

const BATCHES: Record<string, Scenario> = {
  'batch-ready': {
    fakes: { startBatchJobs: startedInPages, countBatch: pendingOnce(250) },
    run: async ({ runner }, start) => {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      await runner.signalBatch(batchOf(start), 'count');
    },
  },
  'batch-cancelled': {
    fakes: {
      startBatchJobs: startedInPages,
      countBatch: pendingOnce(250),
      packBatch: throwing(new KilnError('NOT_FOUND', 'There was no result to pack.')),
      endBatch: async () => ({ status: 'cancelled' }),
    },
    run: async ({ runner }, start) => {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      await runner.signalBatch(batchOf(start), 'cancel');
    },
  },
};

async function startedInPages({ from }: { from: number }) {
  return { next: from + 100 };
}

function pendingOnce(pending: number): NonNullable<Fakes['countBatch']> {
  const counts = [pending, 0];
  return async () => ({ pending: counts.shift() ?? 0 });
}

function waitingOnce(): NonNullable<Fakes['convertSmallFile']> {
  const answers = [{ position: 3 }];
  return async () => answers.shift() ?? CONVERTED;
}

function throwing(error: Error) {
  return async () => {
    throw error;
  };
}

function failingOnce(): NonNullable<Fakes['convertSmallFile']> {
  let failed = false;
  return async () => {
    if (failed) return CONVERTED;
    failed = true;
    throw new KilnError('ENGINE_CRASHED', 'The engine stopped.');
  };
}

function failingFor(ms: number): NonNullable<Fakes['recordEnd']> {
  let since: number | undefined;
  return async ({ end }) => {
    since ??= Date.now();
    if (Date.now() - since < ms) throw away;
    return end.to;
  };
}

async function neverEnding(): Promise<typeof CONVERTED> {
  const beat = setInterval(() => heartbeat(), 100);
  try {
    return await cancelled();
  } finally {
    clearInterval(beat);
  }
}

/** The name of the machine stands in identities and sticky queues, its folders in stacks. */
function anonymous(key: string, value: unknown): unknown {
  if (key === 'stackTrace') return '';
  return typeof value === 'string' && /^\d+@/.test(value) ? 'kiln' : value;
}

async function save(name: string, history: Parameters<typeof historyToJSON>[0]): Promise<void> {
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
  const url = new URL(`histories/${version}-${name}.json`, import.meta.url);
  const events = JSON.parse(historyToJSON(history), anonymous);
  await writeFile(url, `${JSON.stringify(events, null, 1)}\n`);
  console.log(`${version}-${name}.json`);
}

quietRuntime();
const env = await TestWorkflowEnvironment.createFromExistingServer({ address: process.argv[2] ?? '' });
const harness = await createWorkflowHarness(env);
const wanted = process.argv.slice(3);
const isWanted = (name: string) => wanted.length === 0 || wanted.includes(name);
for (const [name, { fakes, start: overrides, run }] of Object.entries(SCENARIOS)) {
  if (!isWanted(name)) continue;
  const { start, handle } = await harness.job(fakes, overrides);
  if (name !== 'started-by-upload') await harness.runner.startJob(start);
  await run?.(harness, start);
  await handle.result();
  await save(name, await handle.fetchHistory());
}
for (const [name, { fakes, run }] of Object.entries(DELIVERIES)) {
  if (!isWanted(name)) continue;
  const { start } = await harness.job(fakes);
  const delivery = env.client.workflow.getHandle(`delivery:${start.jobId}`);
  if (name !== 'delivery-after-courier')
    await env.client.workflow.start('webhookDelivery', {
      workflowId: `delivery:${start.jobId}`,
      taskQueue: 'test-jobs',
      args: [{ deliveryId: start.jobId }],
    });
  await run?.(harness, start);
  await delivery.result();
  await save(name, await delivery.fetchHistory());
}
for (const [name, { fakes, run }] of Object.entries(BATCHES)) {
  if (!isWanted(name)) continue;
  const { start } = await harness.job(fakes);
  await harness.runner.startBatch(batchOf(start));
  await run?.(harness, start);
  const batch = env.client.workflow.getHandle(`batch:${start.jobId}`);
  await batch.result();
  await save(name, await batch.fetchHistory());
}
await harness.close();
