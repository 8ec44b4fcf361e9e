import { fileURLToPath } from 'node:url';
import { activityInfo } from '@temporalio/activity';
import { Client, type WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import type { ConvertedFile } from '../../../activities/convert.ts';
import { translateFailures } from '../../../activities/failure.ts';
import type { Activities } from '../../../activities/index.ts';
import { newId } from '../../../src/domain/id.ts';
import type { JobStart, WorkflowRunner } from '../../../src/operations/workflow-runner.ts';
import { queuesOf } from '../../../src/temporal/queues.ts';
import { createWorkflowRunner } from '../../../src/temporal/runner.ts';
import { bundleWorkflows } from '../../../src/temporal/workflow-bundle.ts';

/** One call of an activity, as a fake saw it. */
interface ActivityCall {
  name: keyof Activities;
  input: unknown;
  /** Without the prefix: jobs, image or io. */
  queue: string;
  local: boolean;
  attempt: number;
}

/** Fakes of one job; what is missing succeeds at once. */
export type Fakes = Partial<Activities>;

export interface WorkflowHarness {
  env: TestWorkflowEnvironment;
  /** The real port over the test server. */
  runner: WorkflowRunner;
  /** A job of its own with these fakes; nothing is started yet. */
  job(fakes?: Fakes, start?: Partial<JobStart>): Promise<TestJob>;
  close(): Promise<void>;
}

export interface TestJob {
  start: JobStart;
  /** Waiting for its result skips time. */
  handle: WorkflowHandle;
  calls: ActivityCall[];
  /** Names of the calls in order. */
  names(): string[];
  /** How the workflow told the job's end, and how often. */
  ends(): unknown[];
  inputsOf(name: keyof Activities): unknown[];
}

const PREFIX = 'test';

/** What the engine made, as far as a workflow can see. */
export const CONVERTED: ConvertedFile = {
  fileId: '0192f0c1-0000-7000-8000-000000000001',
  size: 10,
  sha256: 'ab'.repeat(32),
  source: 'png',
  engine: 'sharp 1.0',
  engineMs: 5,
  width: 1,
  height: 1,
  warnings: [],
};

/** The real workflows on a real server, with activities that each test replaces for its own job. */
export async function createWorkflowHarness(env: TestWorkflowEnvironment): Promise<WorkflowHarness> {
  const jobs = new Map<string, { fakes: Fakes; calls: ActivityCall[] }>();
  const stopWorkers = await startWorkers(env, fakedActivities(jobs));
  return {
    env,
    runner: runnerOn(env),
    async job(fakes = {}, overrides = {}) {
      const start = { ...(await newJobStart(env)), ...overrides };
      const calls: ActivityCall[] = [];
      jobs.set(start.jobId, { fakes, calls });
      const inputsOf = (name: keyof Activities) =>
        calls.filter((call) => call.name === name).map(({ input }) => input);
      return {
        start,
        calls,
        handle: env.client.workflow.getHandle(`job:${start.jobId}`),
        names: () => calls.map(({ name }) => name),
        ends: () => inputsOf('recordEnd').map((input) => (input as { end: unknown }).end),
        inputsOf,
      };
    },
    async close() {
      await stopWorkers();
      await env.teardown();
    },
  };
}

/** The real port over a test server. */
export function runnerOn(
  { nativeConnection: connection }: TestWorkflowEnvironment,
  prefix = PREFIX,
): WorkflowRunner {
  const client = new Client({ connection });
  return createWorkflowRunner({ client, connection, namespace: 'default', close: async () => {} }, prefix);
}

async function newJobStart(env: TestWorkflowEnvironment): Promise<JobStart> {
  return {
    jobId: newId(),
    owner: 'account:a',
    title: 'photo.png → webp',
    source: 'png',
    target: 'webp',
    size: 2 ** 20,
    uploadDeadline: (await env.currentTimeMs()) + 3_600_000,
    hasCallback: false,
  };
}

/** A delivery and a batch carry their job's id in these tests, so that one lookup serves every activity. */
function fakedActivities(jobs: Map<string, { fakes: Fakes; calls: ActivityCall[] }>): Activities {
  const plain: Activities = {
    acquire: async () => ({ blobId: 'blob', steps: [] }),
    convert: async () => CONVERTED,
    publish: async () => CONVERTED,
    convertSmallFile: async () => CONVERTED,
    expireUpload: async () => ({ arrived: false }),
    recordQueued: async () => {},
    recordEnd: async ({ end }) => end.to,
    discardFiles: async () => {},
    holdCredits: async () => {},
    settleCredits: async () => {},
    grantMonth: async () => ({ next: null }),
    sweep: async () => ({ next: null, removed: 0 }),
    startBatchJobs: async () => ({ next: Number.MAX_SAFE_INTEGER }),
    cancelBatchJobs: async () => {},
    countBatch: async () => ({ pending: 0 }),
    packBatch: async () => {},
    endBatch: async () => ({ status: 'ready' }),
    prepareCallback: async ({ jobId }) => ({
      deliveryId: jobId,
      event: 'job.ready',
      url: 'https://a.example',
    }),
    attemptDelivery: async () => ({ outcome: 'delivered', answer: '200' }),
  };
  const names = Object.keys(plain) as (keyof Activities)[];
  const faked = names.map((name) => {
    const run = async (input: { jobId?: string; deliveryId?: string; batchId?: string; month?: string }) => {
      const job = jobs.get(input.jobId ?? input.deliveryId ?? input.batchId ?? input.month ?? '');
      const { taskQueue, isLocal, attempt } = activityInfo();
      job?.calls.push({ name, input, queue: taskQueue.replace(`${PREFIX}-`, ''), local: isLocal, attempt });
      const fake = (job?.fakes[name] ?? plain[name]) as (input: unknown) => Promise<unknown>;
      return fake(input);
    };
    return [name, run];
  });
  return translateFailures(Object.fromEntries(faked));
}

/** Workers for every queue, with these activities. @returns what stops them. */
export async function startWorkers(env: TestWorkflowEnvironment, activities: Activities, prefix = PREFIX) {
  const queues = queuesOf(prefix);
  const workflowBundle = await bundleWorkflows();
  const shared = {
    connection: env.nativeConnection,
    activities,
    maxHeartbeatThrottleInterval: 100,
    defaultHeartbeatThrottleInterval: 100,
  };
  const workers = await Promise.all([
    Worker.create({ ...shared, taskQueue: queues.jobs, workflowBundle, enableNonLocalActivities: false }),
    Worker.create({ ...shared, taskQueue: queues.image }),
    Worker.create({ ...shared, taskQueue: queues.io }),
    Worker.create({ ...shared, taskQueue: queues.webhook, workflowBundle }),
  ]);
  const ended = Promise.all(workers.map((worker) => worker.run()));
  return async () => {
    for (const worker of workers) worker.shutdown();
    await ended;
  };
}

/** The bundle of another entry point than the worker's. */
export function bundleFrom(entry: URL) {
  return bundleWorkflowCode({ workflowsPath: fileURLToPath(entry), logger: silent });
}

const silent = new DefaultLogger('ERROR', () => {});
let quiet = false;

/** Expected failures of activities would drown the report. */
export function quietRuntime(): void {
  if (quiet) return;
  quiet = true;
  Runtime.install({ logger: silent, telemetryOptions: { logging: { filter: 'OFF' } } });
}
