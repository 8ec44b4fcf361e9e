import { Readable } from 'node:stream';
import { activityInfo } from '@temporalio/activity';
import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest';
import { createActivities } from '../../activities/index.ts';
import { workflowId } from '../../src/domain/derived-ids.ts';
import { newId } from '../../src/domain/id.ts';
import { createLog } from '../../src/log.ts';
import { connectTemporal, type Temporal } from '../../src/temporal/connect.ts';
import { createWorkflowRunner } from '../../src/temporal/runner.ts';
import { startWorkers } from '../../src/temporal/workers.ts';
import { createCopyingConverters } from '../support/copying-converters.ts';
import { type ActivityHarness, createActivityHarness } from '../support/harness/activity-harness.ts';
import { PICTURE, PNG } from '../support/harness/job-harness.ts';
import { anAccountCaller } from '../support/records.ts';

const PREFIX = `deploy-${newId().slice(-8)}`;
const log = createLog('silent');
const caller = anAccountCaller();

let harness: ActivityHarness;
let api: Temporal;
/** Which builds worked on a job. */
const workedOn = new Map<string, Set<string>>();

const connect = () =>
  connectTemporal({ namespace: 'default', apiKey: undefined }, inject('temporalAddress'), log);

beforeAll(async () => {
  api = await connect();
  harness = await createActivityHarness({
    runner: createWorkflowRunner(api, PREFIX),
    converters: createCopyingConverters(),
  });
});
afterAll(async () => {
  await api.close();
  await harness.close();
});

/** A worker process of this build. */
async function aWorker(buildId: string) {
  const temporal = await connect();
  const activities = Object.entries(createActivities(harness)).map(([name, run]) => [
    name,
    (input: unknown) => {
      const id = activityInfo().workflowExecution?.workflowId ?? '';
      workedOn.set(id, (workedOn.get(id) ?? new Set()).add(buildId));
      return (run as (input: unknown) => unknown)(input);
    },
  ]);
  const workers = await startWorkers({
    temporal,
    queuePrefix: PREFIX,
    activities: Object.fromEntries(activities),
    concurrency: { image: 2, io: 2, webhook: 2 },
    build: { release: '1.0.0', buildId, log },
  });
  const { signal } = new AbortController();
  return {
    takeOver: (silenceMs?: number) => workers.takeOver(signal, silenceMs),
    async stop() {
      await workers.stop();
      await temporal.close();
    },
  };
}

/** Jobs that wait for their uploads, and a worker has begun each of them. */
const openJobs = (count: number) =>
  Promise.all(
    Array.from({ length: count }, async () => {
      const request = { dialect: 'graphql', input: { upload: PICTURE }, target: 'webp' } as const;
      const { job, upload } = await harness.submitJob(request, caller);
      const handle = api.client.workflow.getHandle(workflowId.job(job._id));
      await vi.waitFor(async () => expect(await handle.query('phase')).toBe('waiting for upload'), 20_000);
      return { jobId: job._id, uploadId: upload?._id ?? '' };
    }),
  );

/** Brings the uploads. @returns how the jobs ended, and the builds that worked on them. */
async function finish(jobs: Awaited<ReturnType<typeof openJobs>>) {
  const ends = jobs.map(async ({ jobId, uploadId }) => {
    await harness.receiveUpload(uploadId, Readable.from([PNG]));
    await harness.completeUpload(null, uploadId);
    return api.client.workflow.getHandle(workflowId.job(jobId)).result();
  });
  const builds = new Set<string>();
  const statuses = new Set((await Promise.all(ends)).map(({ status }) => status));
  for (const { jobId } of jobs)
    for (const build of workedOn.get(workflowId.job(jobId)) ?? []) builds.add(build);
  return { statuses: [...statuses], builds: [...builds] };
}

/** A worker looks again and again, since it may be a while until the server knows of a new one. */
const current = (build: string, look: () => Promise<void>) =>
  vi.waitFor(
    async () => {
      await look();
      expect(await currentBuild()).toBe(build);
    },
    { timeout: 40_000, interval: 500 },
  );

/** The server tells its queues one after another which build is current: so long a task may still go to the former. */
const known = (build: string) =>
  vi.waitFor(async () => expect((await finish(await openJobs(8))).builds).toEqual([build]), {
    timeout: 40_000,
    interval: 500,
  });

it('only the newest build whose workers are up works, on new jobs and on those that an earlier one began', async () => {
  const one = await aWorker('one');
  await current('one', () => one.takeOver());
  const [early, late] = [await openJobs(4), await openJobs(4)];

  const two = await aWorker('two');
  await current('two', () => two.takeOver());
  await one.takeOver();
  await known('two');
  expect(await finish(await openJobs(8))).toEqual({ statuses: ['ready'], builds: ['two'] });
  expect(await finish(early)).toEqual({ statuses: ['ready'], builds: ['two'] });
  await one.stop();
  expect(await finish(late)).toEqual({ statuses: ['ready'], builds: ['two'] });

  // The supervisor starts an old one again.
  const again = await aWorker('one');
  await again.takeOver();
  expect(await finish(await openJobs(8))).toEqual({ statuses: ['ready'], builds: ['two'] });

  // The new one is given up.
  await two.stop();
  await current('one', () => again.takeOver(2000));
  await known('one');
  expect(await finish(await openJobs(4))).toEqual({ statuses: ['ready'], builds: ['one'] });
  await again.stop();
}, 180_000);

async function currentBuild(): Promise<string | null | undefined> {
  const { workerDeploymentInfo } = await api.connection.workflowService.describeWorkerDeployment({
    namespace: 'default',
    deploymentName: PREFIX,
  });
  return workerDeploymentInfo?.routingConfig?.currentDeploymentVersion?.buildId;
}
