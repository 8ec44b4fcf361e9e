import { createActivities } from '../activities/index.ts';
import { type App, createApp } from './app.ts';
import { loadConfig, sharedEndpoints } from './config.ts';
import { startRepairRounds } from './operations/repair-rounds.ts';
import { runProcess } from './process.ts';
import { ensureSchedules } from './temporal/schedules.ts';
import { startWorkers, type Workers } from './temporal/workers.ts';

/** The pause between two looks for what a crash has left. */
const REPAIR_MS = 15_000;
/** No attempt is older than this: what it wrote was left by a process that was killed, wherever that ran. */
const SCRATCH_MS = 2 * 3_600_000;

/** Starts what does the work in this process: workflows, activities, and the repair of what a crash left. */
export async function startWork(app: App): Promise<Workers> {
  const { config, temporal, converters, operations, log } = app;
  const { blobs, scratch } = app.capabilities;
  await Promise.all([scratch.sweep(SCRATCH_MS), blobs.sweepUnfinished(SCRATCH_MS)]);
  await converters.warm();
  const workers = await startWorkers({
    temporal,
    queuePrefix: config.temporal.queuePrefix,
    activities: createActivities(app.capabilities),
    concurrency: config.concurrency,
  });
  await ensureSchedules(temporal, config.temporal.queuePrefix);
  app.courier.open();
  const rounds = startRepairRounds({
    steps: [
      { name: 'jobs', run: () => operations.repairJobs() },
      { name: 'credits', run: () => operations.repairCredits() },
      { name: 'admissions', run: () => operations.repairAdmissions() },
      { name: 'batches', run: () => operations.repairBatches() },
      { name: 'deliveries', run: () => operations.repairDeliveries() },
      { name: 'scratch', run: () => scratch.sweep(SCRATCH_MS) },
    ],
    everyMs: REPAIR_MS,
    log,
  });
  return {
    ended: workers.ended,
    async stop() {
      await Promise.all([rounds.stop(), app.courier.close(), workers.stop()]);
    },
  };
}

/** `npm run worker`: one process that only works, beside any number of others. */
if (import.meta.main) {
  await runProcess(async () => {
    const config = loadConfig();
    const app = await createApp(config, sharedEndpoints(config));
    const workers = await startWork(app);
    process.stdout.write('Kiln worker is ready\n');
    return {
      ended: workers.ended,
      async stop() {
        await workers.stop();
        await app.close();
      },
    };
  });
}
