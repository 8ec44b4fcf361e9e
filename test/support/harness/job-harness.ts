import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { activityInfo } from '@temporalio/activity';
import { Client } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { inject } from 'vitest';
import { type Activities, createActivities } from '../../../activities/index.ts';
import { workflowId } from '../../../src/domain/derived-ids.ts';
import { newId } from '../../../src/domain/id.ts';
import { createCopyingConverters } from '../copying-converters.ts';
import type { Interference } from '../faulty-collections.ts';
import { anAccount } from '../money.ts';
import { aFile, anAccountCaller } from '../records.ts';
import { createActivityHarness } from './activity-harness.ts';
import { quietRuntime, runnerOn, startWorkers } from './workflow-harness.ts';

/**
 * The Temporal that all test files share. The time-skipping one loses an update, now and then, that comes
 * while it hands out a task, and races are what this harness is for.
 */
export function sharedServer(): Promise<TestWorkflowEnvironment> {
  quietRuntime();
  return TestWorkflowEnvironment.createFromExistingServer({ address: inject('temporalAddress') });
}

/** What every job of this harness holds; the result plays two minutes, so that one credit comes back. */
const PRICE = { perMinute: 1, ceiling: 3 } as const;
export const USED = 2;

/** The smallest picture there is. */
export const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
);

export type JobHarness = Awaited<ReturnType<typeof createJobHarness>>;

/**
 * Whole jobs, from the request to the settled credits: real operations, workflows, activities and database.
 * Only the engines are replaced, by ones that copy, and every job has a price.
 */
export async function createJobHarness(interference: Interference = {}) {
  const env = await sharedServer();
  const prefix = `test-${randomBytes(6).toString('hex')}`;
  const client = new Client({ connection: env.nativeConnection });
  const runner = runnerOn(env, prefix);
  const harness = await createActivityHarness({
    runner,
    converters: createCopyingConverters(),
    interference,
  });
  const runs = new Map<string, Set<string>>();
  const stopWorkers = await startWorkers(env, observed(priced(createActivities(harness)), runs), prefix);
  const resultOf = (id: string): Promise<unknown> => client.workflow.getHandle(id).result();

  return {
    ...harness,
    runner,
    cancelJob: harness.operations.cancelJob,

    /** The workflow runs that a job has had. */
    runsOf: (jobId: string): number => runs.get(jobId)?.size ?? 0,
    /** Waits for the end of a job's workflow. */
    ended: (jobId: string): Promise<unknown> => resultOf(workflowId.job(jobId)),

    /** Waits until the receiver of a job's callback has been told. */
    async deliveredTo(jobId: string): Promise<unknown> {
      const delivery = await harness.collections.deliveries.findOne({ jobId });
      return resultOf(workflowId.delivery(delivery?._id ?? ''));
    },

    /** Somebody who can pay. */
    async newPayer(credits: number) {
      const accountId = await anAccount(harness.collections, credits);
      return { accountId, caller: anAccountCaller({ accountId }) };
    },

    /** A stored picture of this account. */
    async newFile(accountId: string): Promise<string> {
      const blobId = newId();
      const info = await harness.blobs.write(blobId, Readable.from([PNG]), { maxBytes: PNG.length });
      const file = aFile({ owner: `account:${accountId}`, blobId, ...info });
      await harness.collections.files.insertOne(file);
      return file._id;
    },

    async close() {
      await stopWorkers();
      await env.teardown();
      await harness.close();
    },
  };
}

/** What every upload of this harness announces. */
export const PICTURE = { filename: 'photo.png', mime: 'image/png', size: PNG.length } as const;

/** Pictures are free; here each costs something, and is handed back before it is converted. */
export function priced(activities: Activities): Activities {
  const acquire = async (input: { jobId: string }) => ({
    ...(await activities.acquire(input)),
    price: PRICE,
  });
  return { ...activities, acquire, convertSmallFile: acquire };
}

/** Notes which run of a workflow asks for what. */
function observed(activities: Activities, runs: Map<string, Set<string>>): Activities {
  const noted = Object.entries(activities).map(([name, run]) => [
    name,
    (input: { jobId?: string }) => {
      const { workflowExecution } = activityInfo();
      if (input.jobId && workflowExecution) {
        const known = runs.get(input.jobId) ?? new Set();
        runs.set(input.jobId, known.add(workflowExecution.runId));
      }
      return (run as (input: unknown) => unknown)(input);
    },
  ]);
  return Object.fromEntries(noted);
}
