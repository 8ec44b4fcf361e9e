import type { AccountPlan } from '../domain/access/account-plan.ts';
import type { UrlOf } from '../domain/webhooks/announced.ts';
import type { Log } from '../log.ts';
import type { HttpSender } from '../net/fetch.ts';
import { createLanes } from '../net/lanes.ts';
import { signWebhook } from '../net/webhook.ts';
import type { createAccounts } from '../operations/access/accounts.ts';
import { createLowCredits } from '../operations/credits/low-credits.ts';
import { createRecent } from '../operations/recent.ts';
import { createAnnounce } from '../operations/webhooks/announce.ts';
import { createAnnounceJobs } from '../operations/webhooks/announce-jobs.ts';
import { type Courier, createCourier } from '../operations/webhooks/courier.ts';
import { createDeliver } from '../operations/webhooks/deliver.ts';
import { createDeliveries } from '../operations/webhooks/deliveries.ts';
import { createDescribeCallback } from '../operations/webhooks/describe-callback.ts';
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

/** For so long one read of an endpoint serves all attempts that begin meanwhile. */
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
  downloadUrl: UrlOf;
  links: Pick<Links, 'lastingDownloadPath'>;
  /** First attempts at a time in this process. */
  places: number;
}

/** Everything about webhooks of accounts: what is told, to whom, and what became of it. */
export function createWebhooks(ports: WebhookPorts) {
  const { collections, deliveries, runner, log, findPlan } = ports;
  const endpoints = createEndpointRepository(collections);
  const monthlyCreditsOf = async (plan: string) => (await findPlan(plan)).mediaCredits;
  const door = createAnnounce({ endpoints, deliveries, courier: () => courier, log });
  const { announce, forgetEndpoints } = door;
  const { wakeHeld, repairDeliveries } = createRepairDeliveries({
    ...{ endpoints, runner, log },
    deliveries: createDeliveryChecks(collections),
  });
  const health = createEndpointHealth({ endpoints, deliveries, announce, forgetEndpoints, wakeHeld });
  const lanes = createLanes();
  const deliver = createDeliver({
    ...{ deliveries, endpoints, health, jobs: ports.jobs },
    within: lanes.within,
    post: ports.sender.post,
    sign: signWebhook,
    open: ports.sealer.open,
    log,
  });
  // What an attempt announces, of an endpoint that is gone, goes out through the same courier.
  const courier: Courier = createCourier({
    ...{ deliver, runner, log, places: ports.places },
    recentEndpoint: createRecent(endpoints.find, RECENT_MS).get,
    widthOf: lanes.widthOf,
  });
  const lowCredits = createLowCredits({
    lowCredits: createLowCreditRepository(collections),
    announce,
    monthlyCreditsOf,
  });
  const { jobCreated, jobEnded, batchEnded, announcingSubmit, announcingUpload } = createAnnounceJobs({
    ...ports,
    ...door,
  });

  return {
    announce,
    courier,
    announcingSubmit,
    announcingUpload,
    operations: {
      ...createEndpoints({
        ...ports,
        ...door,
        endpoints,
        newSecret: newWebhookSecret,
        seal: ports.sealer.seal,
        wakeHeld,
      }),
      ...createDeliveries({ deliveries, endpoints, courier, runner }),
      watchDeliveries: createWatchDeliveries({ deliveries }),
      /** @returns how many were in need of it, endpoints included. */
      async repairDeliveries(now?: number): Promise<number> {
        return (await repairDeliveries(now)) + (await health.tellForgotten());
      },
    },
    /** What activities need of it. */
    activityPorts: {
      announce,
      monthlyCreditsOf,
      describeCallback: createDescribeCallback({
        bodies: CALLBACK_BODIES,
        downloadPath: ports.links.lastingDownloadPath,
        downloadUrl: ports.downloadUrl,
      }),
      deliver,
      announceCreated: jobCreated,
      announceEnd: jobEnded,
      announceBatchEnd: batchEnded,
      noteSettled: lowCredits.noteSettled,
      noteGranted: lowCredits.noteGranted,
    },
  };
}
