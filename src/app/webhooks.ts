import type { AccountPlan } from '../domain/access/account-plan.ts';
import type { Dialect } from '../domain/dialect.ts';
import type { UrlOf } from '../domain/webhooks/event-data.ts';
import type { Log } from '../log.ts';
import { createAdaptiveLimiter } from '../net/adaptive-limiter.ts';
import type { HttpSender } from '../net/fetch.ts';
import { signWebhook } from '../net/webhook.ts';
import type { createAccounts } from '../operations/access/accounts.ts';
import { createLowCredits } from '../operations/credits/low-credits.ts';
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
import type { WorkflowRunner } from '../operations/workflow-runner.ts';
import { ADAPTERS } from '../rest/adapters.ts';
import type { EnvelopeSealer } from '../secrets/envelope.ts';
import type { Links } from '../secrets/links.ts';
import { newWebhookSecret } from '../secrets/webhook-secret.ts';
import type { DeliveryRepository } from '../store/deliveries.ts';
import { createDeliveryChecks } from '../store/delivery-checks.ts';
import { createEndpointRepository } from '../store/endpoints.ts';
import type { FileRepository } from '../store/files.ts';
import type { JobRepository } from '../store/jobs.ts';
import { createLowCreditRepository } from '../store/low-credits.ts';
import type { Collections } from '../store/mongo/mongo.ts';

/** How long one read of an endpoint serves all first attempts that begin meanwhile. */
const RECENT_MS = 100;

/** What the dialects make of a callback, those that do not leave it to Kiln. */
const CALLBACK_BODIES = Object.fromEntries(
  Object.entries(ADAPTERS).flatMap(([dialect, { describeCallback }]) =>
    describeCallback ? [[dialect, describeCallback]] : [],
  ),
);

export interface WebhookPorts {
  collections: Pick<Collections, 'endpoints' | 'accounts' | 'deliveries'>;
  deliveries: DeliveryRepository;
  files: Pick<FileRepository, 'get'>;
  jobs: Pick<JobRepository, 'get' | 'append'>;
  sender: Pick<HttpSender, 'post'>;
  runner: Pick<WorkflowRunner, 'startDelivery' | 'wakeDelivery'>;
  sealer: Pick<EnvelopeSealer, 'seal' | 'open'>;
  log: Pick<Log, 'warn'>;
  findAccount: ReturnType<typeof createAccounts>['findAccount'];
  findPlan(id: string): Promise<AccountPlan>;
  checkUrl(url: string): unknown;
  /** By the common origin, or by that of a dialect that has one. */
  downloadUrl(output: Parameters<UrlOf>[0], dialect?: Dialect): string;
  links: Pick<Links, 'lastingDownloadPath'>;
  /** First attempts under way at a time in this process. */
  maxConcurrent: number;
}

/** Builds everything about webhooks: endpoints, events, deliveries and the dispatcher that sends them. */
export function createWebhooks(ports: WebhookPorts) {
  const { collections, deliveries, runner, log, findPlan } = ports;
  const endpoints = createEndpointRepository(collections);
  const monthlyCreditsOf = async (plan: string) => (await findPlan(plan)).mediaCredits;
  const queue = createDeliveryQueue();
  const emitter = createEmit({ endpoints, deliveries, queue, log });
  const { emit, subscribers, forgetEndpoints } = emitter;
  const { wakeHeld, repairDeliveries } = createRepairDeliveries({
    ...{ endpoints, runner, log },
    deliveries: createDeliveryChecks(collections),
  });
  const health = createEndpointHealth({ endpoints, deliveries, emit, forgetEndpoints, wakeHeld });
  const limiter = createAdaptiveLimiter();
  const deliver = createDeliver({
    ...{ deliveries, endpoints, health, jobs: ports.jobs },
    tryRun: limiter.tryRun,
    post: ports.sender.post,
    sign: signWebhook,
    open: ports.sealer.open,
    log,
  });
  const dispatcher = createDispatcher({
    ...{ queue, deliver, runner, log, maxConcurrent: ports.maxConcurrent },
    recentEndpoint: createRecent(endpoints.find, RECENT_MS).get,
    limitOf: limiter.limitOf,
  });
  const lowCredits = createLowCredits({
    lowCredits: createLowCreditRepository(collections),
    emit,
    monthlyCreditsOf,
  });
  const { emitJobCreated, emitJobEnded, emitBatchEnded, emittingSubmit, emittingUpload } = createEmitJobs({
    ...ports,
    emit,
    subscribers,
  });

  return {
    emit,
    dispatcher,
    emittingSubmit,
    emittingUpload,
    operations: {
      ...createEndpoints({
        ...ports,
        ...emitter,
        endpoints,
        newSecret: newWebhookSecret,
        seal: ports.sealer.seal,
        wakeHeld,
      }),
      ...createDeliveries({ deliveries, endpoints, dispatch: dispatcher.dispatch, runner }),
      watchDeliveries: createWatchDeliveries({ deliveries }),
      /** Repairs deliveries and endpoints. Returns how many were in need of it. */
      async repairDeliveries(now?: number): Promise<number> {
        return (await repairDeliveries(now)) + (await health.emitForgotten());
      },
    },
    /** What activities need of it. */
    activityPorts: {
      emit,
      monthlyCreditsOf,
      describeCallback: createDescribeCallback({
        bodies: CALLBACK_BODIES,
        downloadPath: ports.links.lastingDownloadPath,
        downloadUrl: ports.downloadUrl,
      }),
      deliver,
      emitJobCreated,
      emitJobEnded,
      emitBatchEnded,
      noteSettled: lowCredits.noteSettled,
      noteGranted: lowCredits.noteGranted,
    },
  };
}
