import { join } from 'node:path';
import type { ActivityPorts } from '../../activities/index.ts';
import { createDiskBlobStore } from '../blobs/disk.ts';
import { createScratch } from '../blobs/scratch.ts';
import { zip } from '../blobs/zip.ts';
import type { Config } from '../config.ts';
import { createConverters } from '../converters/converters.ts';
import { createWorkOrder } from '../converters/work-order.ts';
import { createLog } from '../log.ts';
import { createHttpSender } from '../net/fetch.ts';
import { createGuard } from '../net/guard.ts';
import { createJsonFetcher } from '../net/json.ts';
import { createSecrets, watchMasterKey } from '../operations/access/secrets.ts';
import { createCredits } from '../operations/credits/credits.ts';
import { createQuote } from '../operations/credits/quote.ts';
import { createFiles } from '../operations/files/files.ts';
import { createSweep } from '../operations/files/sweep.ts';
import { createUploadedFiles } from '../operations/files/uploaded-files.ts';
import { createAdmissions } from '../operations/jobs/admissions.ts';
import { createBestEffortRunner } from '../operations/jobs/best-effort-runner.ts';
import { createCancelJob } from '../operations/jobs/cancel-job.ts';
import { createFindJobs } from '../operations/jobs/find-jobs.ts';
import { createOnce } from '../operations/jobs/once.ts';
import { createSubmitJob } from '../operations/jobs/submit-job.ts';
import { createWatchJob } from '../operations/jobs/watch-job.ts';
import { createEnvelopeSealer } from '../secrets/envelope.ts';
import { createKeyring } from '../secrets/keyring.ts';
import { createLinks, longestTokenMs } from '../secrets/links.ts';
import { createTokenSigner } from '../secrets/signed-token.ts';
import { createAdmissionRepository } from '../store/admissions/admissions.ts';
import { createCreditRepository } from '../store/credits.ts';
import { createDeliveryRepository } from '../store/deliveries.ts';
import { createFileRepository } from '../store/files.ts';
import { createIdempotencyRepository } from '../store/idempotency.ts';
import { createJobRepository } from '../store/jobs.ts';
import { createLedgerRepository } from '../store/ledger.ts';
import { createMasterKeyRepository } from '../store/master-keys.ts';
import { createChanges } from '../store/mongo/changes.ts';
import { connectMongo } from '../store/mongo/mongo.ts';
import { createRetentionRepository } from '../store/retention.ts';
import { createSealedSecretRepository } from '../store/sealed-secrets.ts';
import { createUploadRepository } from '../store/uploads.ts';
import { connectTemporal } from '../temporal/connect.ts';
import { createAccess } from './access.ts';
import { createBatches } from './batches.ts';
import { createUploads } from './files.ts';
import { createRepairs } from './repairs.ts';
import { createRunner } from './runner.ts';
import { createWebhooks } from './webhooks.ts';

/** Kiln's own version, as sent to receivers and shown by `kiln doctor`. */
export const KILN_VERSION = '0.1.0';

/** Where the engines are: embedded ones or the operator's. */
export interface Endpoints {
  mongoUri: string;
  temporalAddress: string;
  masterKeys: Uint8Array[];
  /** Opens the admin part; without one it stays closed. */
  adminToken: string | undefined;
  /** Ports that outgoing requests never reach, whatever network is allowed. */
  refusedPorts: readonly number[];
}

export type App = Awaited<ReturnType<typeof createApp>>;

/**
 * Builds every long-lived thing of a process once and introduces them to each other. What was opened is
 * closed in reverse order: by `close`, or at once when a later step fails.
 */
export async function createApp(config: Config, endpoints: Endpoints) {
  await using opening = new AsyncDisposableStack();
  const log = createLog(config.logLevel);
  const temporal = await connectTemporal(config.temporal, endpoints.temporalAddress, log);
  opening.defer(() => temporal.close());
  const mongo = await connectMongo(endpoints.mongoUri);
  opening.defer(() => mongo.close());
  const changes = createChanges(mongo.collections.jobs);
  opening.defer(() => changes.close());
  const jobs = createJobRepository(mongo.collections, changes);
  const uploads = createUploadRepository(mongo.collections);
  const deliveries = createDeliveryRepository(mongo.collections);
  const credits = createCreditRepository(mongo.collections);
  const ledger = createLedgerRepository(mongo.collections);

  const blobs = createDiskBlobStore(join(config.dataDir, 'blobs'));
  const { fileMs } = config.retention;
  const files = createUploadedFiles({
    ...{ files: createFileRepository(mongo.collections), uploads, blobs, fileMs },
  });
  const scratch = createScratch(join(config.dataDir, 'scratch'));
  const keyring = createKeyring(endpoints.masterKeys);
  const sealer = createEnvelopeSealer(keyring);
  const signer = createTokenSigner(keyring);
  const links = createLinks(signer);
  const guard = createGuard({
    allowedNetworks: config.allowedNetworks,
    refusedPorts: () => endpoints.refusedPorts,
  });
  const sender = createHttpSender({ guard, version: KILN_VERSION });
  opening.defer(() => sender.close());
  const secrets = {
    sealed: createSealedSecretRepository(mongo.collections),
    masterKeys: createMasterKeyRepository(mongo.collections),
    sealer,
    keyIds: keyring.keyIds,
    longestTokenMs: longestTokenMs(config.retention),
    log,
  };
  opening.defer(await watchMasterKey(secrets));
  const access = await createAccess({
    collections: mongo.collections,
    signer,
    links,
    sealer,
    log,
    trustedProxies: config.trustedProxies,
    adminToken: endpoints.adminToken,
    uploadBytes: config.limits.uploadBytes,
    oidc: config.oidc,
    fetchJson: createJsonFetcher(sender),
  });
  opening.defer(() => access.close());
  const { runner, leases, close } = createRunner(mongo.collections, temporal, config, log);
  opening.defer(close);
  const notifier = createBestEffortRunner(runner, log);
  const converters = createConverters({
    processes: config.concurrency.image,
    limits: {
      maxPixels: config.limits.pixels,
      maxFrames: config.limits.frames,
      timeoutMs: config.limits.engineMs,
      maxMemoryBytes: config.limits.engineMemoryBytes,
      maxOutputBytes: config.limits.uploadBytes,
    },
  });
  opening.defer(() => converters.close());

  // Where the server listens is known once it does; workers on other machines are told by configuration.
  let publicUrl = config.publicUrl ?? `http://${config.host}:${config.port}`;
  const webhooks = createWebhooks({
    ...{ collections: mongo.collections, deliveries, files, jobs, runner, sender, sealer, log },
    ...{ findAccount: access.operations.findAccount, findPlan: access.operations.findPlan },
    checkUrl: guard.checkUrl,
    links,
    downloadUrl: (output, dialect) =>
      ((dialect && config.publicUrls[dialect]) ?? publicUrl) + links.lastingDownloadPath(output),
    maxConcurrent: config.concurrency.webhook,
  });

  const limits = { uploadBytes: config.limits.uploadBytes, uploadMs: config.retention.uploadMs };
  const finding = createFindJobs({ jobs });
  const { findJob } = finding;
  const { planOf } = access.operations;
  const admissions = createAdmissions({
    admissions: createAdmissionRepository(mongo.collections),
    jobs,
    runner,
    concurrencyOf: access.concurrencyOf,
    openUploads: config.limits.openUploads,
    log,
  });
  const submission = {
    ...{ uploads, files, limits, credits, planOf, admissions },
    once: createOnce({ idempotency: createIdempotencyRepository(mongo.collections) }),
    ...{ concurrencyKeyOf: access.concurrencyKeyOf, checkUrl: guard.checkUrl, seal: sealer.seal },
  };
  const bringing = createUploads({ ...submission, jobs, blobs, notifier });
  const submitJob = webhooks.emittingSubmit(createSubmitJob({ ...submission, jobs, runner: notifier }));
  const { open } = sealer;
  const batches = createBatches({
    ...{ collections: mongo.collections, jobs, runner, notifier, submission, submitJob, findJob, open, log },
  });
  opening.defer(() => batches.close());
  const operations = {
    ...access.operations,
    ...webhooks.operations,
    submitJob,
    ...batches.operations,
    ...bringing,
    completeUpload: webhooks.emittingUpload(bringing.completeUpload),
    ...finding,
    cancelJob: createCancelJob({ jobs, runner, findJob }),
    ...createWatchJob({ jobs, changes, findJob }),
    ...createFiles({ files, blobs }),
    queuePositionOf: admissions.positionOf,
    ...createRepairs({
      ...{ collections: mongo.collections, leases, jobs, uploads, runner, admissions, credits, ledger, log },
    }),
    ...createCredits({ credits, ledger, noteGranted: webhooks.activityPorts.noteGranted }),
    quote: createQuote({ files }),
    ...createSecrets(secrets),
    links,
  };

  const opened = opening.move();
  return {
    config,
    log,
    operations,
    temporal,
    mongo,
    converters,
    /** Opened by a process that runs activities; in any other every delivery becomes a workflow. */
    dispatcher: webhooks.dispatcher,
    /** What activities work with; only src/process/worker.ts hands it on. */
    activityPorts: {
      jobs,
      uploads,
      files,
      deliveries,
      admissions,
      ...batches.activityPorts,
      // One engine stays free for whoever comes alone.
      workOrder: createWorkOrder({ maxConcurrent: Math.max(1, config.concurrency.image - 1) }),
      zip,
      credits,
      ledger,
      ...webhooks.activityPorts,
      blobs,
      scratch,
      converters,
      fileMs,
      sweep: createSweep({
        ...{ files, blobs, scratch, lifetimes: config.retention },
        retention: createRetentionRepository(mongo.collections),
      }),
    } satisfies ActivityPorts,
    accounts: access.accounts,
    keys: access.keys,
    sealer,
    /** The base of absolute URLs, once the server listens at `bound`. */
    publicUrlOf(bound: string): string {
      publicUrl = config.publicUrl ?? bound;
      return publicUrl;
    },
    /** Rejects with the first part that does not answer. */
    async checkReady(): Promise<void> {
      await Promise.all([mongo.ping(), runner.ping()]);
    },
    close: () => opened.disposeAsync(),
  };
}

export type Operations = App['operations'];
