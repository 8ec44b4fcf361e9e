import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger, type LogEntry } from '@temporalio/worker';
import type { AcquiredFile } from '../../../activities/acquire.ts';
import type { Waiting } from '../../../activities/admit.ts';
import { type Activities, createActivities } from '../../../activities/index.ts';
import { accessSlice } from '../../../src/app/access.ts';
import { joinSlices } from '../../../src/app/app.ts';
import type { Infrastructure } from '../../../src/app/infrastructure.ts';
import { createRepositories } from '../../../src/app/repositories.ts';
import { createDiskBlobStore } from '../../../src/blobs/disk.ts';
import { loadConfig } from '../../../src/config.ts';
import { type Converters, createConverters } from '../../../src/converters/converters.ts';
import type { Caller } from '../../../src/domain/access/account.ts';
import type { Retention } from '../../../src/domain/files/retention.ts';
import { requireAccountId } from '../../../src/operations/access/accounts.ts';
import type { JobRequest } from '../../../src/operations/jobs/accept-job.ts';
import type { DeliveryStart, WorkflowRunner } from '../../../src/operations/workflow-runner.ts';
import type { Crashing } from '../crash/crashing.ts';
import { openDatabase } from '../database.ts';
import { faultyCollections, type Interference } from '../faulty-collections.ts';
import { anAccountCaller, defaultPlanOf, UNQUEUED } from '../records.ts';
import { newInfrastructure } from './infrastructure.ts';

const HOUR = 3_600_000;
const LIFETIMES = { uploadMs: HOUR, fileMs: HOUR, jobMs: HOUR, deliveryMs: HOUR, sweepMs: HOUR };
/** A limit above what any test runs at a time. */
const CONCURRENCY = 1000;
/** Most open uploads of one account. */
export const OPEN_UPLOADS = 1000;

/** A workflow runner that does nothing. */
const noRunner = {
  startJob: async () => {},
  uploadCompleted: async () => {},
  admitJob: async () => {},
  cancelJob: async () => {},
  signalBatch: async () => {},
};
const PUBLIC_URL = 'https://kiln.example';
const caller = anAccountCaller();

interface ActivityHarnessOptions {
  runner?: Partial<WorkflowRunner>;
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
  const started: DeliveryStart[] = [];
  const woken: string[] = [];
  const { startDelivery, wakeDelivery } = deliveryRunner ?? {
    startDelivery: async (start) => void started.push(start),
    wakeDelivery: async (id) => woken.push(id) > 0,
  };
  const repositories = createRepositories(collections);
  const shared = newInfrastructure({
    repositories,
    blobs: crashing.blobs(createDiskBlobStore(join(dir, 'blobs'))),
    converters,
    runner: { ...runner, startDelivery, wakeDelivery } as WorkflowRunner,
    config: {
      ...loadConfig({ KILN_PUBLIC_URL: PUBLIC_URL, KILN_LIMIT_OPEN_UPLOADS: String(OPEN_UPLOADS) }),
      dataDir: dir,
      retention: { ...LIFETIMES, ...lifetimes },
    },
  });
  const slices = newSlices(shared);
  const { operations, activityPorts } = slices;
  const { submitJob, receiveUpload, completeUpload } = operations;
  const activities = createActivities(activityPorts);

  return {
    ...activityPorts,
    ...slices,
    emit: slices.webhooks.emit,
    dispatcher: slices.webhooks.dispatcher,
    shared,
    links: shared.links,
    leases: shared.leases,
    /** Builds the slices of one more process, over the same database unless told otherwise. */
    newSlices: (different: Partial<Infrastructure> = {}) => newSlices({ ...shared, ...different }),
    /** Deliveries whose workflow was to be started, or woken. */
    started,
    woken,
    collections: database.collections,
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
      await shared.jobs.transition(job._id, { to: 'queued', cause: 'upload-completed' });
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
      await shared.close();
      await repositories.close();
      await database.drop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** All slices, where everybody who calls has an account, on the plan that the caller says, and nobody has to wait. */
function newSlices(shared: Infrastructure) {
  const access = accessSlice(shared);
  return joinSlices(shared, {
    ...access,
    concurrencyOf: async () => CONCURRENCY,
    concurrencyKeyOf: UNQUEUED.concurrencyKeyOf,
    operations: {
      ...access.operations,
      planOf: defaultPlanOf,
      findPlan: async (plan) => defaultPlanOf(anAccountCaller({ plan })),
      async findAccount(actor, id) {
        const _id = requireAccountId(actor, id);
        const plan = actor.kind === 'account' ? actor.plan : 'pro';
        return { _id, name: _id, plan, createdAt: new Date() };
      },
    },
  });
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
