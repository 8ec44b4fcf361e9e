import type { Dialect } from '../domain/dialect.ts';
import type { UrlOf } from '../domain/webhooks/event-data.ts';
import { createAdaptiveLimiter } from '../net/adaptive-limiter.ts';
import { signWebhook } from '../net/webhook.ts';
import { createRecent } from '../operations/recent.ts';
import { createDeliver } from '../operations/webhooks/deliver.ts';
import { createDeliveries } from '../operations/webhooks/deliveries.ts';
import { createDeliveryQueue } from '../operations/webhooks/delivery-queue.ts';
import { createDescribeCallback } from '../operations/webhooks/describe-callback.ts';
import { createDispatcher } from '../operations/webhooks/dispatcher.ts';
import { createEmit } from '../operations/webhooks/emit.ts';
import { createEmitJobs } from '../operations/webhooks/emit-jobs.ts';
import { createEndpointHealth } from '../operations/webhooks/endpoint-health.ts';
import { createEndpoints } from '../operations/webhooks/endpoints.ts';
import { createRepairDeliveries } from '../operations/webhooks/repair-deliveries.ts';
import { createWatchDeliveries } from '../operations/webhooks/watch-deliveries.ts';
import { ADAPTERS } from '../rest/adapters.ts';
import { newWebhookSecret } from '../secrets/webhook-secret.ts';
import type { Access } from './access.ts';
import type { Infrastructure } from './infrastructure.ts';

/** How long one read of an endpoint serves all first attempts that begin meanwhile. */
const RECENT_MS = 100;

/** What the dialects make of a callback, those that do not leave it to Kiln. */
const CALLBACK_BODIES = Object.fromEntries(
  Object.entries(ADAPTERS).flatMap(([dialect, { describeCallback }]) =>
    describeCallback ? [[dialect, describeCallback]] : [],
  ),
);

export type Webhooks = ReturnType<typeof webhooksSlice>;

/** Builds everything about webhooks: endpoints, events, deliveries and the dispatcher that sends them. */
export function webhooksSlice(
  shared: Infrastructure,
  {
    operations: { findAccount, findPlan },
  }: { operations: Pick<Access['operations'], 'findAccount' | 'findPlan'> },
) {
  const { endpoints, deliveries, links, publicUrls, config } = shared;
  const downloadUrl = (output: Parameters<UrlOf>[0], dialect?: Dialect) =>
    publicUrls.of(dialect) + links.lastingDownloadPath(output);
  const queue = createDeliveryQueue();
  const emitter = createEmit({ ...shared, queue });
  const { emit } = emitter;
  const { wakeHeld, repairDeliveries } = createRepairDeliveries({
    ...shared,
    deliveries: shared.deliveryChecks,
  });
  const health = createEndpointHealth({ ...shared, ...emitter, wakeHeld });
  const limiter = createAdaptiveLimiter();
  const deliver = createDeliver({
    ...shared,
    health,
    tryRun: limiter.tryRun,
    post: shared.sender.post,
    sign: signWebhook,
  });
  const dispatcher = createDispatcher({
    ...shared,
    queue,
    deliver,
    maxConcurrent: config.concurrency.webhook,
    recentEndpoint: createRecent(endpoints.find, RECENT_MS).get,
    limitOf: limiter.limitOf,
  });
  const { emittingSubmit, emittingUpload, ...emitJobs } = createEmitJobs({
    ...shared,
    ...emitter,
    downloadUrl,
  });

  return {
    emit,
    emittingSubmit,
    emittingUpload,
    /** Opened by a process that runs activities; in any other every delivery becomes a workflow. */
    dispatcher,
    operations: {
      ...createEndpoints({
        ...shared,
        ...emitter,
        findAccount,
        findPlan,
        newSecret: newWebhookSecret,
        wakeHeld,
      }),
      ...createDeliveries({ ...shared, dispatch: dispatcher.dispatch }),
      watchDeliveries: createWatchDeliveries(shared),
    },
    activityPorts: {
      deliveries,
      deliver,
      ...emitJobs,
      describeCallback: createDescribeCallback({
        bodies: CALLBACK_BODIES,
        downloadPath: links.lastingDownloadPath,
        downloadUrl,
      }),
    },
    repairs: {
      /** Repairs deliveries and endpoints. Returns how many were in need of it. */
      async deliveries(now?: number): Promise<number> {
        return (await repairDeliveries(now)) + (await health.emitForgotten());
      },
    },
  };
}
