import { extname, join } from 'node:path';
import { bundleWorkflowCode, DefaultLogger, Worker, type WorkerOptions } from '@temporalio/worker';
import type { Temporal } from './connect.ts';
import { queuesOf } from './queues.ts';

/** Cancellation travels with heartbeats: this bounds how long a cancelled engine runs on. */
const HEARTBEAT_THROTTLE = '1s';
/** A worker that was killed hands its cached workflows over after this. */
const STICKY_TIMEOUT = '3s';
const SHUTDOWN_GRACE = '15s';
/** TypeScript as it stands here, JavaScript where it was built. */
const WORKFLOWS = join(import.meta.dirname, '../../workflows', `index${extname(import.meta.filename)}`);

export interface WorkersOptions {
  temporal: Temporal;
  queuePrefix: string;
  activities: object;
  concurrency: { image: number; io: number; webhook: number };
}

export interface Workers {
  /** Drains within the grace period. */
  stop(): Promise<void>;
  /** Rejects when a worker ends by itself. */
  ended: Promise<void>;
}

/** One worker per queue on one connection. Resolves when all of them poll. */
export async function startWorkers({
  temporal,
  queuePrefix,
  activities,
  concurrency,
}: WorkersOptions): Promise<Workers> {
  const queues = queuesOf(queuePrefix);
  const logger = new DefaultLogger('WARN');
  const workflowBundle = await bundleWorkflowCode({ workflowsPath: WORKFLOWS, logger });
  const shared = {
    connection: temporal.connection,
    namespace: temporal.namespace,
    activities,
    maxHeartbeatThrottleInterval: HEARTBEAT_THROTTLE,
    defaultHeartbeatThrottleInterval: HEARTBEAT_THROTTLE,
    shutdownGraceTime: SHUTDOWN_GRACE,
  } satisfies Partial<WorkerOptions>;
  const workers = await createAll([
    {
      ...shared,
      taskQueue: queues.jobs,
      workflowBundle,
      stickyQueueScheduleToStartTimeout: STICKY_TIMEOUT,
      // Only local activities run on this queue.
      enableNonLocalActivities: false,
    },
    {
      ...shared,
      taskQueue: queues.image,
      maxConcurrentActivityTaskExecutions: concurrency.image,
    },
    { ...shared, taskQueue: queues.io, maxConcurrentActivityTaskExecutions: concurrency.io },
    // Deliveries and their attempts share a queue, so that a free slot takes an attempt without a round trip.
    {
      ...shared,
      taskQueue: queues.webhook,
      workflowBundle,
      stickyQueueScheduleToStartTimeout: STICKY_TIMEOUT,
      maxConcurrentActivityTaskExecutions: concurrency.webhook,
    },
  ]);
  const ended = Promise.all(workers.map((worker) => worker.run())).then(() => {});
  return {
    ended,
    async stop() {
      for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
      await ended;
    },
  };
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
