import { Worker, type WorkerOptions } from '@temporalio/worker';
import type { Temporal } from './connect.ts';
import { type Build, type BuildOptions, createBuild } from './deployment.ts';
import { queuesOf } from './queues.ts';
import { bundleWorkflows } from './workflow-bundle.ts';

/**
 * Longest time between heartbeats. They bring cancellation, so a cancelled engine runs on for this long at
 * most.
 */
const HEARTBEAT_THROTTLE = '1s';
/** Time after which other workers take over the workflows of a killed one. */
const STICKY_TIMEOUT = '3s';
const SHUTDOWN_GRACE = '15s';

interface WorkersOptions {
  temporal: Temporal;
  queuePrefix: string;
  activities: object;
  concurrency: { image: number; io: number; webhook: number };
  /** Needed where workers of other builds may be up: then only one build gets the work. */
  build?: BuildOptions | undefined;
}

export interface Workers {
  /** Makes this build current, unless a newer one is up. */
  takeOver(signal: AbortSignal, silenceMs?: number): Promise<void>;
  /** Takes no more work, and resolves when what runs has ended, within the grace period. */
  stop(): Promise<void>;
  /** Rejects when a worker ends by itself. */
  ended: Promise<void>;
}

/** Starts one worker for each queue on one connection. Resolves when all have been created and run. */
export async function startWorkers(options: WorkersOptions): Promise<Workers> {
  const workflowBundle = await bundleWorkflows();
  const { temporal, queuePrefix, build: wanted } = options;
  const build = wanted && (await createBuild(temporal, queuePrefix, workflowBundle.code, wanted));
  const workers = await createAll(workerOptions(options, workflowBundle, build));
  const ended = Promise.all(workers.map((worker) => worker.run())).then(() => {});
  return {
    ended,
    takeOver: async (...args) => build?.takeOver(...args),
    async stop() {
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
      await ended;
    },
  };
}

function workerOptions(
  { temporal, queuePrefix, activities, concurrency }: WorkersOptions,
  workflowBundle: { code: string },
  build: Build | undefined,
): WorkerOptions[] {
  const queues = queuesOf(queuePrefix);
  const shared = {
    connection: temporal.connection,
    namespace: temporal.namespace,
    activities,
    maxHeartbeatThrottleInterval: HEARTBEAT_THROTTLE,
    defaultHeartbeatThrottleInterval: HEARTBEAT_THROTTLE,
    shutdownGraceTime: SHUTDOWN_GRACE,
    ...(build && {
      workerDeploymentOptions: {
        version: build.version,
        useWorkerVersioning: true,
        // Workflows outlive builds: `patched` lets this one go on with those of an earlier build.
        defaultVersioningBehavior: 'AUTO_UPGRADE',
      },
    }),
  } satisfies Partial<WorkerOptions>;
  const withWorkflows = { ...shared, workflowBundle, stickyQueueScheduleToStartTimeout: STICKY_TIMEOUT };
  return [
    // Runs workflows with their local activities only.
    { ...withWorkflows, taskQueue: queues.jobs, enableNonLocalActivities: false },
    { ...shared, taskQueue: queues.image, maxConcurrentActivityTaskExecutions: concurrency.image },
    { ...shared, taskQueue: queues.io, maxConcurrentActivityTaskExecutions: concurrency.io },
    // Runs deliveries and their attempts on one queue, so that a free slot takes an attempt without a round trip.
    {
      ...withWorkflows,
      taskQueue: queues.webhook,
      maxConcurrentActivityTaskExecutions: concurrency.webhook,
    },
  ];
}

/**
 * Creates all workers or none: one that exists holds the connection until it has run, so it is run to its end.
 */
async function createAll(options: readonly WorkerOptions[]): Promise<Worker[]> {
  const outcomes = await Promise.allSettled(options.map((each) => Worker.create(each)));
  const workers = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (!failed) return workers;
  for (const worker of workers) {
    const ended = worker.run();
    worker.shutdown();
    await ended;
  }
  throw failed.reason;
}
