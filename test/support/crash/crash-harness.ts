import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { expect } from 'vitest';
import { type Activities, createActivities } from '../../../activities/index.ts';
import type { Caller } from '../../../src/domain/access/account.ts';
import { isOver } from '../../../src/domain/batches/batch.ts';
import { newId } from '../../../src/domain/id.ts';
import { isTerminal, type Job } from '../../../src/domain/jobs/job.ts';
import { createLog } from '../../../src/log.ts';
import { createCancelBatch } from '../../../src/operations/batches/cancel-batch.ts';
import { createCountInBatch } from '../../../src/operations/batches/count-in-batch.ts';
import { createFindBatches } from '../../../src/operations/batches/find-batches.ts';
import { createRepairBatches } from '../../../src/operations/batches/repair-batches.ts';
import { createSubmitBatch } from '../../../src/operations/batches/submit-batch.ts';
import { createRepairCredits } from '../../../src/operations/credits/repair-credits.ts';
import { createCompleteUpload } from '../../../src/operations/files/complete-upload.ts';
import { createPrepareUpload } from '../../../src/operations/files/prepare-upload.ts';
import { createReceiveUpload } from '../../../src/operations/files/receive-upload.ts';
import { createBestEffortRunner } from '../../../src/operations/jobs/best-effort-runner.ts';
import { createCancelJob } from '../../../src/operations/jobs/cancel-job.ts';
import { createFindJobs } from '../../../src/operations/jobs/find-jobs.ts';
import { jobStart } from '../../../src/operations/jobs/job-start.ts';
import { createOnce } from '../../../src/operations/jobs/once.ts';
import { createRepairAdmissions } from '../../../src/operations/jobs/repair-admissions.ts';
import { createRepairJobs } from '../../../src/operations/jobs/repair-jobs.ts';
import { createRetry } from '../../../src/operations/jobs/retry.ts';
import { createSubmitJob } from '../../../src/operations/jobs/submit-job.ts';
import { createAdmissionChecks } from '../../../src/store/admissions/admission-checks.ts';
import { createIdempotencyRepository } from '../../../src/store/idempotency.ts';
import { createJobLeases } from '../../../src/store/job-leases.ts';
import { createCopyingConverters } from '../copying-converters.ts';
import { createActivityHarness } from '../harness/activity-harness.ts';
import { PNG, priced, sharedServer } from '../harness/job-harness.ts';
import { runnerOn, startWorkers } from '../harness/workflow-harness.ts';
import { anAccount } from '../money.ts';
import { aFile, anAccountCaller, defaultPlanOf, UNQUEUED } from '../records.ts';
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
  const { jobs, batches, uploads, files, blobs, admissions, credits, ledger, collections } = harness;
  const log = createLog('silent');
  const notifier = createBestEffortRunner(runner, log);
  const ports = {
    ...harness,
    countInBatch: createCountInBatch({ batches, runner }),
    startJob: (job: Job) => runner.startJob(jobStart(job)),
    cancelJob: (job: Job, reason: string) => runner.cancelJob(jobStart(job), reason),
  };
  const mortal = dyingAttempts(crashing, priced(createActivities(ports)));
  const stopWorkers = await startWorkers(env, mortal.activities, prefix);

  const submission = {
    jobs,
    batches,
    uploads,
    files,
    admissions,
    credits,
    runner: notifier,
    planOf: defaultPlanOf,
    limits: { uploadBytes: 2 ** 20, uploadMs: 3_600_000 },
    concurrencyKeyOf: UNQUEUED.concurrencyKeyOf,
    once: createOnce({ idempotency: createIdempotencyRepository(crashing.collections(collections)) }),
    checkUrl: () => {},
    seal: (secret: string) => secret,
  };
  const finding = { ...createFindJobs({ jobs }), ...createFindBatches({ batches, jobs }) };
  const submitJob = createSubmitJob(submission);
  const submitBatch = createSubmitBatch(submission);
  const operations = {
    submitJob,
    submitBatch,
    prepareUpload: createPrepareUpload(submission),
    receiveUpload: createReceiveUpload({ uploads, jobs, blobs, runner: notifier }),
    completeUpload: createCompleteUpload({ uploads, files, jobs, admissions, runner: notifier }),
    cancelJob: createCancelJob({ jobs, runner, findJob: finding.findJob }),
    cancelBatch: createCancelBatch({ batches, runner: notifier, findBatch: finding.findBatch }),
    ...createRetry({ files, ...finding, submitJob, submitBatch, open: (sealed) => sealed }),
  };
  /** As a process has them that was just started. */
  const newRepairs = (seen = crashing.collections(collections)) => ({
    jobs: createRepairJobs({ leases: createJobLeases(seen), uploads, runner, admissions, log }),
    batches: createRepairBatches({ batches, jobs, runner, log }),
    admissions: createRepairAdmissions({
      checks: createAdmissionChecks(seen),
      jobs,
      uploads,
      admissions,
      log,
    }),
    credits: createRepairCredits({ jobs, credits, ledger, log }),
  });
  const repairs = newRepairs();
  /** What is accepted with it is written, and Temporal never hears of it. */
  const unreachable = createBestEffortRunner(
    new Proxy(runner, {
      get: () => async () => {},
    }),
    log,
  );

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
    unheard: {
      submitJob: createSubmitJob({ ...submission, runner: unreachable }),
      submitBatch: createSubmitBatch({ ...submission, runner: unreachable }),
    },

    /** One round of a repair, in a process that was just started; everything of the account is due. */
    async newRound(name: keyof typeof repairs, accountId: string): Promise<() => Promise<unknown>> {
      const owner = `account:${accountId}`;
      await age(owner);
      await collections.admissions.updateOne({ _id: owner }, { $set: { checkAt: LONG_AGO } });
      const fresh = newRepairs();
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
