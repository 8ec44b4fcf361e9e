import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { expect } from 'vitest';
import { type Activities, createActivities } from '../../../activities/index.ts';
import type { Caller } from '../../../src/domain/access/account.ts';
import { isOver } from '../../../src/domain/batches/batch.ts';
import { newId } from '../../../src/domain/id.ts';
import { isTerminal } from '../../../src/domain/jobs/job.ts';
import { createCopyingConverters } from '../copying-converters.ts';
import { createActivityHarness } from '../harness/activity-harness.ts';
import { PNG, priced, sharedServer } from '../harness/job-harness.ts';
import { runnerOn, startWorkers } from '../harness/workflow-harness.ts';
import { anAccount } from '../money.ts';
import { aFile, anAccountCaller } from '../records.ts';
import { createCrashing } from './crashing.ts';

/** Long ago enough for every repair to look at it. */
const LONG_AGO = new Date(0);
const REPAIR_EVERY_MS = 300;
/** A crash must be mended within so long; here it takes less. */
const SOON_MS = 30_000;
const MENDED_WITHIN_MS = 60_000;
/** As late as a hold of an ended job is looked at. */
const LATER_MS = 3_000_000;

export type CrashHarness = Awaited<ReturnType<typeof createCrashHarness>>;

/** Whole jobs and batches on a real Temporal and a real database, by processes that die between two writes. */
export async function createCrashHarness() {
  const env = await sharedServer();
  const prefix = `test-${randomBytes(6).toString('hex')}`;
  const crashing = createCrashing();
  const runner = crashing.runner(runnerOn(env, prefix));
  const harness = await createActivityHarness({ runner, converters: createCopyingConverters(), crashing });
  const { operations, jobs, blobs, collections } = harness;
  const mortal = dyingAttempts(crashing, priced(createActivities(harness.activityPorts)));
  const stopWorkers = await startWorkers(env, mortal.activities, prefix);
  const { repairs } = harness.newSlices();
  /** What is accepted with it is written, and Temporal never hears of it. */
  const unreachable = new Proxy(runner, { get: () => async () => {} });

  /** Lets time go by: what the repair would look at soon, it looks at now; what is trusted for longer rests. */
  async function age(owner: string): Promise<void> {
    const soon = { $lt: new Date(Date.now() + SOON_MS) };
    await collections.jobs.updateMany({ owner, repairAt: soon }, { $set: { repairAt: LONG_AGO } });
    const $set = { updatedAt: LONG_AGO, checkAt: LONG_AGO };
    await collections.batches.updateMany({ owner, finishedAt: null }, { $set });
  }

  async function openOf(owner: string): Promise<string[]> {
    const open = [
      ...(await collections.jobs.find({ owner }).toArray()).filter(({ status }) => !isTerminal(status)),
      ...(await collections.batches.find({ owner }).toArray()).filter((batch) => !isOver(batch)),
    ];
    return open.map(({ _id, status }) => `${_id} is ${status}`);
  }

  return {
    ...harness,
    ...operations,
    dyingAfter: crashing.dyingAfter,
    /** Submissions of processes that died as soon as all was written. */
    unheard: harness.newSlices({ runner: unreachable, notifier: unreachable }).operations,

    /** One round of a repair, in a process that was just started; everything of the account is due. */
    async newRound(name: keyof typeof repairs, accountId: string): Promise<() => Promise<unknown>> {
      const owner = `account:${accountId}`;
      await age(owner);
      await collections.admissions.updateOne({ _id: owner }, { $set: { checkAt: LONG_AGO } });
      const fresh = harness.newSlices().repairs;
      return () => (name === 'credits' ? fresh.credits(Date.now() + LATER_MS) : fresh[name]());
    },
    /** The next attempt of this activity dies before its next write after so many. @returns whether it did. */
    dyingAttempt: mortal.dyingAttempt,

    async newPayer(amount: number) {
      const accountId = await anAccount(collections, amount);
      return { accountId, caller: anAccountCaller({ accountId }) };
    },

    /** A stored picture of this account. */
    async newFile(accountId: string): Promise<string> {
      const blobId = newId();
      const info = await blobs.write(blobId, Readable.from([PNG]), { maxBytes: PNG.length });
      const file = aFile({ owner: `account:${accountId}`, blobId, ...info });
      await collections.files.insertOne(file);
      return file._id;
    },

    /** Gives up what still waits for a file, as its owner would. */
    async cancelAwaited(caller: Caller & { accountId: string }): Promise<void> {
      const owner = `account:${caller.accountId}`;
      for (const { _id } of await collections.jobs.find({ owner, status: 'awaiting_upload' }).toArray()) {
        const [input] = (await jobs.get(_id)).inputs;
        const upload = await collections.uploads.findOne({ _id: input?.fileId ?? '' });
        if (upload?.state === 'open' || upload?.state === 'received') await operations.cancelJob(caller, _id);
      }
    },

    /** Lets fresh processes repair until everything of the account has ended. */
    async mend(accountId: string): Promise<void> {
      const owner = `account:${accountId}`;
      const until = performance.now() + MENDED_WITHIN_MS;
      for (let open = await openOf(owner); open.length > 0; open = await openOf(owner)) {
        expect(performance.now(), `nobody mends ${open}`).toBeLessThan(until);
        await age(owner);
        await repairs.jobs();
        await repairs.batches();
        await new Promise((resolve) => setTimeout(resolve, REPAIR_EVERY_MS));
      }
      await collections.admissions.updateOne({ _id: owner }, { $set: { checkAt: LONG_AGO } });
      await repairs.admissions();
      await repairs.credits(Date.now() + LATER_MS);
    },

    async close() {
      await stopWorkers();
      await env.teardown();
      await harness.close();
    },
  };
}

/** Activities of which one attempt can be made to die. */
function dyingAttempts(
  { dyingAfter }: Pick<ReturnType<typeof createCrashing>, 'dyingAfter'>,
  all: Activities,
) {
  let next: { name: keyof Activities; mostWrites: number; died(died: boolean): void } | null = null;
  const mortal = Object.entries(all).map(([name, run]) => [
    name,
    async (input: never) => {
      if (next?.name !== name) return run(input);
      const { mostWrites, died } = next;
      next = null;
      let result: unknown;
      const isDead = await dyingAfter(mostWrites, async () => {
        result = await run(input);
      });
      died(isDead);
      if (isDead) throw new Error('The worker was killed.');
      return result;
    },
  ]);
  return {
    activities: Object.fromEntries(mortal) as Activities,
    dyingAttempt(name: keyof Activities, mostWrites: number): Promise<boolean> {
      const { promise, resolve } = Promise.withResolvers<boolean>();
      next = { name, mostWrites, died: resolve };
      return promise;
    },
  };
}
