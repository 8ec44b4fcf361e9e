import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger, type LogEntry } from '@temporalio/worker';
import type { AcquiredFile } from '../../../activities/acquire.ts';
import type { Waiting } from '../../../activities/admit.ts';
import { type Activities, createActivities } from '../../../activities/index.ts';
import { createWebhooks } from '../../../src/app/webhooks.ts';
import { createDiskBlobStore } from '../../../src/blobs/disk.ts';
import { createScratch } from '../../../src/blobs/scratch.ts';
import { zip } from '../../../src/blobs/zip.ts';
import { type Converters, createConverters } from '../../../src/converters/converters.ts';
import { createWorkOrder } from '../../../src/converters/work-order.ts';
import type { Caller } from '../../../src/domain/access/account.ts';
import type { Retention } from '../../../src/domain/files/retention.ts';
import { createLog } from '../../../src/log.ts';
import { createHttpSender } from '../../../src/net/fetch.ts';
import { createGuard } from '../../../src/net/guard.ts';
import { requireAccountId } from '../../../src/operations/access/accounts.ts';
import { createCompleteUpload } from '../../../src/operations/files/complete-upload.ts';
import { createReceiveUpload } from '../../../src/operations/files/receive-upload.ts';
import { createSweep } from '../../../src/operations/files/sweep.ts';
import { createUploadedFiles } from '../../../src/operations/files/uploaded-files.ts';
import type { JobRequest } from '../../../src/operations/jobs/accept-job.ts';
import { createAdmissions } from '../../../src/operations/jobs/admissions.ts';
import { createSubmitJob } from '../../../src/operations/jobs/submit-job.ts';
import type { DeliveryStart, WorkflowRunner } from '../../../src/operations/workflow-runner.ts';
import { createEnvelopeSealer } from '../../../src/secrets/envelope.ts';
import { createKeyring } from '../../../src/secrets/keyring.ts';
import { createLinks } from '../../../src/secrets/links.ts';
import { createTokenSigner } from '../../../src/secrets/signed-token.ts';
import { createAdmissionRepository } from '../../../src/store/admissions/admissions.ts';
import { createBatchRepository } from '../../../src/store/batches.ts';
import { createCreditRepository } from '../../../src/store/credits.ts';
import { createDeliveryRepository } from '../../../src/store/deliveries.ts';
import { createFileRepository } from '../../../src/store/files.ts';
import { createJobLeases } from '../../../src/store/job-leases.ts';
import { createJobRepository } from '../../../src/store/jobs.ts';
import { createLedgerRepository } from '../../../src/store/ledger.ts';
import { createRetentionRepository } from '../../../src/store/retention.ts';
import { createUploadRepository } from '../../../src/store/uploads.ts';
import type { Crashing } from '../crash/crashing.ts';
import { openDatabase } from '../database.ts';
import { faultyCollections, type Interference } from '../faulty-collections.ts';
import { anAccountCaller, defaultPlanOf, UNQUEUED } from '../records.ts';

const HOUR = 3_600_000;
const LIFETIMES = { uploadMs: HOUR, fileMs: HOUR, jobMs: HOUR, deliveryMs: HOUR, sweepMs: HOUR };
/** A limit above what any test runs at a time. */
const CONCURRENCY = 1000;
/** Most open uploads of one account. */
export const OPEN_UPLOADS = 1000;

/** A workflow runner that does nothing. */
const noRunner = { startJob: async () => {}, uploadCompleted: async () => {}, admitJob: async () => {} };
const PUBLIC_URL = 'https://kiln.example';
const caller = anAccountCaller();

interface ActivityHarnessOptions {
  runner?: Pick<WorkflowRunner, 'startJob' | 'uploadCompleted' | 'admitJob'>;
  deliveryRunner?: Pick<WorkflowRunner, 'startDelivery' | 'wakeDelivery'>;
  converters?: Converters;
  /** Errors and delays in calls of the database; the harness's own `collections` have none. */
  interference?: Interference;
  /** Processes that may die. */
  crashing?: Pick<Crashing, 'collections' | 'blobs'>;
  /** The lifetimes that sweeps use, where a test needs other ones. */
  lifetimes?: Partial<Retention>;
}

export type ActivityHarness = Awaited<ReturnType<typeof createActivityHarness>>;

/** Creates real activities on a real database, disk and engines (or the test's own). Deliveries are only recorded. */
export async function createActivityHarness({
  runner = noRunner,
  deliveryRunner,
  converters = createConverters({ processes: 1 }),
  interference = {},
  crashing = { collections: (collections) => collections, blobs: (blobs) => blobs },
  lifetimes = {},
}: ActivityHarnessOptions = {}) {
  const database = await openDatabase();
  const collections = crashing.collections(faultyCollections(database.collections, interference));
  const dir = await mkdtemp(join(tmpdir(), 'kiln-activity-'));
  const keyring = createKeyring([Buffer.alloc(32, 1)]);
  const guard = createGuard({ allowedNetworks: ['127.0.0.0/8'], refusedPorts: () => [] });
  const deliveries = createDeliveryRepository(collections);
  const jobs = createJobRepository(collections, { publish: () => {} });
  const sender = createHttpSender({ guard, version: 'test' });
  const uploads = createUploadRepository(collections);
  const blobs = crashing.blobs(createDiskBlobStore(join(dir, 'blobs')));
  const scratch = createScratch(join(dir, 'scratch'));
  const files = createUploadedFiles({
    files: createFileRepository(collections),
    uploads,
    blobs,
    fileMs: HOUR,
  });
  const sealer = createEnvelopeSealer(keyring);
  const links = createLinks(createTokenSigner(keyring));
  const started: DeliveryStart[] = [];
  const woken: string[] = [];
  const webhooks = createWebhooks({
    collections,
    deliveries,
    files,
    jobs,
    sender,
    sealer,
    log: createLog('silent'),
    maxConcurrent: 200,
    runner: deliveryRunner ?? {
      startDelivery: async (start) => void started.push(start),
      wakeDelivery: async (id) => woken.push(id) > 0,
    },
    findAccount: async (actor, id) => {
      const _id = requireAccountId(actor, id);
      const plan = actor.kind === 'account' ? actor.plan : 'pro';
      return { _id, name: _id, plan, createdAt: new Date() };
    },
    findPlan: async (plan) => defaultPlanOf(anAccountCaller({ plan })),
    checkUrl: guard.checkUrl,
    links,
    downloadUrl: (output) => PUBLIC_URL + links.downloadPath(output),
  });
  const ports = {
    ...webhooks.activityPorts,
    jobs,
    admissions: createAdmissions({
      admissions: createAdmissionRepository(collections),
      jobs,
      runner,
      concurrencyOf: async () => CONCURRENCY,
      openUploads: { account: OPEN_UPLOADS, guest: 10 },
      log: createLog('silent'),
    }),
    uploads,
    files,
    deliveries,
    credits: createCreditRepository(collections),
    ledger: createLedgerRepository(collections),
    batches: createBatchRepository(collections, { publish: () => {}, invalidate: () => {} }),
    startJob: async () => {},
    cancelJob: async () => {},
    countInBatch: async () => {},
    workOrder: createWorkOrder({ maxConcurrent: 1 }),
    zip,
    blobs,
    scratch,
    converters,
    links,
    fileMs: HOUR,
    sweep: createSweep({
      files,
      blobs,
      scratch,
      lifetimes: { ...LIFETIMES, ...lifetimes },
      retention: createRetentionRepository(collections),
    }),
  };
  const limits = { uploadBytes: 2 ** 30, uploadMs: HOUR };
  const { checkUrl } = guard;
  const submitJob = createSubmitJob({
    ...ports,
    runner,
    limits,
    planOf: defaultPlanOf,
    concurrencyKeyOf: UNQUEUED.concurrencyKeyOf,
    once: UNQUEUED.once,
    checkUrl,
    seal: sealer.seal,
  });
  const receiveUpload = createReceiveUpload({ ...ports, runner });
  const completeUpload = createCompleteUpload({ ...ports, runner });
  const activities = createActivities(ports);

  return {
    ...ports,
    webhooks: webhooks.operations,
    dispatcher: webhooks.dispatcher,
    emittingSubmit: webhooks.emittingSubmit(submitJob),
    emittingUpload: webhooks.emittingUpload(completeUpload),
    /** The deliveries whose workflow was started or signalled. */
    started,
    woken,
    collections: database.collections,
    leases: createJobLeases(collections),
    dir,
    run: <Name extends keyof Activities>(name: Name, input: Parameters<Activities[Name]>[0]): Result<Name> =>
      runIn(new MockActivityEnvironment({}, { logger: silent }), activities, name, input),
    /** Runs an activity in an environment that the test can cancel. */
    cancellable(name: 'acquire' | 'convertSmallFile', input: { jobId: string }) {
      const env = new MockActivityEnvironment({}, { logger: silent });
      return { cancel: () => env.cancel('CANCELLED'), result: runIn(env, activities, name, input) };
    },
    /** Creates a job for these bytes, uploaded and queued. */
    async upload(
      bytes: Uint8Array,
      request: Partial<JobRequest> & { filename?: string; declared?: number } = {},
    ) {
      const { filename = 'photo.png', declared = bytes.length, ...rest } = request;
      const input = { upload: { filename, mime: 'application/octet-stream', size: declared } };
      const { job, upload } = await submitJob(caller, {
        dialect: 'swapmyfile',
        input,
        target: 'webp',
        ...rest,
      });
      const uploadId = upload?._id ?? '';
      await receiveUpload(uploadId, Readable.from([Buffer.from(bytes)]));
      await completeUpload(null, uploadId);
      await ports.jobs.transition(job._id, { to: 'queued', cause: 'upload-completed' });
      return { jobId: job._id, uploadId };
    },
    submitJob: (request: JobRequest, as: Caller = caller) => submitJob(as, request),
    receiveUpload,
    completeUpload,
    /** Returns every file below the data folder: blobs, and what attempts have left. */
    async filesOnDisk(): Promise<string[]> {
      const entries = await readdir(dir, { recursive: true, withFileTypes: true });
      return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    },
    async close() {
      await ports.converters.close();
      sender.close();
      await database.drop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

type Answer<Name extends keyof Activities> = Awaited<ReturnType<Activities[Name]>>;
/** The result of an activity, without the cases of waiting jobs and unpaid conversions. */
type Result<Name extends keyof Activities> = Promise<
  Name extends 'convertSmallFile'
    ? Exclude<Answer<Name>, AcquiredFile | Waiting>
    : Exclude<Answer<Name>, Waiting>
>;

function runIn<Name extends keyof Activities>(
  env: MockActivityEnvironment,
  activities: Activities,
  name: Name,
  input: Parameters<Activities[Name]>[0],
): Result<Name> {
  const run = activities[name] as (input: unknown) => Result<Name>;
  return env.run(() => run(input));
}

/** A logger without output, for errors that a test provokes. */
export const silent = new DefaultLogger('ERROR', () => {});

/** Creates a logger that keeps its entries. */
export function rememberingLogger() {
  const entries: LogEntry[] = [];
  return { entries, logger: new DefaultLogger('DEBUG', (entry) => void entries.push(entry)) };
}
