import type { ActivityPorts } from '../../activities/index.ts';
import type { Config } from '../config.ts';
import { type Access, accessSlice } from './access.ts';
import { batchesSlice } from './batches.ts';
import { creditsSlice } from './credits.ts';
import { filesSlice } from './files.ts';
import { closed, type Endpoints, type Infrastructure, openInfrastructure } from './infrastructure.ts';
import { jobsSlice } from './jobs.ts';
import { webhooksSlice } from './webhooks.ts';

export type App = Awaited<ReturnType<typeof createApp>>;
export type Operations = App['operations'];

/**
 * Builds every long-lived thing of a process once and introduces them to each other. What was opened is
 * closed in reverse order: by `close`, or at once when a later step fails.
 */
export async function createApp(config: Config, endpoints: Endpoints) {
  await using opening = new AsyncDisposableStack();
  const infrastructure = opening.adopt(await openInfrastructure(config, endpoints), closed);
  const access = opening.adopt(accessSlice(infrastructure), closed);
  const slices = joinSlices(infrastructure, access);
  const opened = opening.move();
  return { infrastructure, ...slices, close: () => opened.disposeAsync() };
}

/** Builds the slices one after the other, each over those that it needs, and joins what they offer. */
export function joinSlices(shared: Infrastructure, access: Access) {
  const webhooks = webhooksSlice(shared, access);
  const jobs = jobsSlice(shared, access, webhooks);
  const files = filesSlice(shared, jobs, webhooks);
  const batches = batchesSlice(shared, jobs);
  const credits = creditsSlice(shared, access, webhooks);
  return {
    webhooks,
    /** What callers may ask for, in whichever language. */
    operations: {
      ...access.operations,
      ...webhooks.operations,
      ...jobs.operations,
      ...files.operations,
      ...batches.operations,
      ...credits.operations,
    },
    /** What activities work with; only src/process/worker.ts hands it on. */
    activityPorts: {
      ...webhooks.activityPorts,
      ...jobs.activityPorts,
      ...files.activityPorts,
      ...batches.activityPorts,
      ...credits.activityPorts,
    } satisfies ActivityPorts,
    /** What finishes whatever a crash left half-way; src/process/worker.ts runs them again and again. */
    repairs: {
      ...jobs.repairs,
      ...credits.repairs,
      ...batches.repairs,
      ...webhooks.repairs,
    },
  };
}
