import { Worker, type WorkerOptions } from '@temporalio/worker';
import type { Temporal } from './connect.ts';
import { type Build, type BuildOptions, createBuild } from './deployment.ts';
import { queuesOf } from './queues.ts';
import { bundleWorkflows } from './workflow-bundle.ts';

/** Cancellation travels with heartbeats: this bounds how long a cancelled engine runs on. */
const HEARTBEAT_THROTTLE = '1s';
/** A worker that was killed hands its cached workflows over after this. */
const STICKY_TIMEOUT = '3s';
const SHUTDOWN_GRACE = '15s';

export interface WorkersOptions {
  temporal: Temporal;
  queuePrefix: string;
  activities: object;
  concurrency: { image: number; io: number; webhook: number };
  /** Where workers of other builds may be up at the same time: so that only one build gets the work. */
  build?: BuildOptions | undefined;
}

export interface Workers {
  /** Sees to it that the newest build that is up gets the work. */
  takeOver(signal: AbortSignal, silenceMs?: number): Promise<void>;
  /** Drains within the grace period. */
  stop(): Promise<void>;
  /** Rejects when a worker ends by itself. */
  ended: Promise<void>;
}

/** One worker per queue on one connection. Resolves when all of them poll. */
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
        // Jobs outlive builds: `patched` carries one that an earlier build began.
        defaultVersioningBehavior: 'AUTO_UPGRADE',
      },
    }),
  } satisfies Partial<WorkerOptions>;
  const withWorkflows = { ...shared, workflowBundle, stickyQueueScheduleToStartTimeout: STICKY_TIMEOUT };
  return [
    // Only local activities run on this queue.
    { ...withWorkflows, taskQueue: queues.jobs, enableNonLocalActivities: false },
    { ...shared, taskQueue: queues.image, maxConcurrentActivityTaskExecutions: concurrency.image },
    { ...shared, taskQueue: queues.io, maxConcurrentActivityTaskExecutions: concurrency.io },
    // Deliveries and their attempts share a queue, so that a free slot takes an attempt without a round trip.
    {
      ...withWorkflows,
      taskQueue: queues.webhook,
      maxConcurrentActivityTaskExecutions: concurrency.webhook,
    },
  ];
}

/** All of them or none: a worker that was made holds on to the connection until it has run to its end. */
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
