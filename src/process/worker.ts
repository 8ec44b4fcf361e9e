import { createActivities } from '../../activities/index.ts';
import { type App, createApp } from '../app/app.ts';
import { KILN_VERSION } from '../app/infrastructure.ts';
import { loadConfig, sharedEndpoints } from '../config.ts';
import { startRepairRounds } from '../operations/repair-rounds.ts';
import { ensureSchedules } from '../temporal/schedules.ts';
import { startWorkers, type Workers } from '../temporal/workers.ts';
import { ensureDataFolder } from './data-folder.ts';
import { runProcess } from './lifecycle.ts';

/** Time between two repairs of what a crash has left. */
const REPAIR_MS = 15_000;
/** No attempt takes this long: older scratch files were left by a process that was killed, on any machine. */
const SCRATCH_MS = 2 * 3_600_000;

/** Starts the workers of this process: workflows, activities, and the repair of what a crash has left. */
export async function startWork(app: App): Promise<Workers> {
  const { config, temporal, converters, blobs, scratch, log } = app.infrastructure;
  await using opening = new AsyncDisposableStack();
  await Promise.all([scratch.sweep(SCRATCH_MS), blobs.sweepUnfinished(SCRATCH_MS)]);
  await converters.warm();
  const workers = await startWorkers({
    temporal,
    queuePrefix: config.temporal.queuePrefix,
    activities: createActivities(app.activityPorts),
    concurrency: config.concurrency,
    // The embedded Temporal serves one process, hence one build.
    build:
      config.temporal.address === undefined
        ? undefined
        : { release: KILN_VERSION, buildId: config.buildId, log },
  });
  opening.defer(() => Promise.all([app.webhooks.dispatcher.close(), workers.stop()]).then(() => {}));
  await ensureSchedules(temporal, { ...config.temporal, sweepMs: config.retention.sweepMs });
  app.webhooks.dispatcher.open();
  const rounds = startRepairRounds({
    steps: [
      ...Object.entries(app.repairs).map(([name, repair]) => ({
        name,
        run: (signal: AbortSignal) => repair(Date.now(), signal),
      })),
      { name: 'build', run: (signal) => workers.takeOver(signal) },
    ],
    everyMs: REPAIR_MS,
    log,
  });
  const opened = opening.move();
  return {
    ...workers,
    async stop() {
      await Promise.all([rounds.stop(), opened.disposeAsync()]);
    },
  };
}

/** `npm run worker`: a worker without a server, beside any number of others. */
if (import.meta.main) {
  await runProcess(async () => {
    const config = loadConfig();
    await using opening = new AsyncDisposableStack();
    const endpoints = sharedEndpoints(config);
    await ensureDataFolder(config.dataDir);
    const app = await createApp(config, endpoints);
    opening.defer(() => app.close());
    const workers = await startWork(app);
    opening.defer(() => workers.stop());
    process.stdout.write('Kiln worker is ready\n');
    const opened = opening.move();
    return { ended: workers.ended, stop: () => opened.disposeAsync() };
  });
}
