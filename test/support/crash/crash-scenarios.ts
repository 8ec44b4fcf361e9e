import { Readable } from 'node:stream';
import { expect } from 'vitest';
import type { Activities } from '../../../activities/index.ts';
import { isIdle } from '../../../src/domain/jobs/admission.ts';
import type { JobStatus } from '../../../src/domain/jobs/job.ts';
import { PICTURE, PNG, USED } from '../harness/job-harness.ts';
import { expectSound } from '../invariants.ts';
import type { CrashHarness } from './crash-harness.ts';

/** A job and its retry hold this much at the same time. */
const CREDITS = 100;
const MOST_POINTS = 40;

type Payer = Awaited<ReturnType<CrashHarness['newPayer']>>;

/** Something that a process does until it dies on the way, and what its caller does then. */
interface Scenario {
  /** @returns whether the process died. */
  dying(mostWrites: number): Promise<boolean>;
  afterwards?(died: boolean): Promise<unknown>;
  /** The only ways in which its jobs may end. */
  ends: readonly JobStatus[];
  /** How many jobs there may be at the most, and at the least. */
  jobs: readonly [least: number, most: number];
}

export type Scenarios = Record<string, (payer: Payer) => Promise<Scenario>>;

/** A job that waits for its file. */
export const awaited = { dialect: 'graphql', input: { upload: PICTURE }, target: 'webp' } as const;

/** Builds what scenarios are made of, on a harness that exists once they run. */
export function scenarioTools(harness: () => CrashHarness) {
  /** Brings the file of a job that waits for it. */
  async function bring(uploadId: string | undefined): Promise<void> {
    await harness().receiveUpload(uploadId ?? '', Readable.from([PNG]));
    await harness().completeUpload(null, uploadId ?? '');
  }

  async function stored({ accountId }: Payer) {
    return { ...awaited, input: { fileId: await harness().newFile(accountId) } } as const;
  }

  /** The death of a process that answers a caller, in the middle of `work`. */
  const served = (work: () => Promise<unknown>) => (mostWrites: number) =>
    harness().dyingAfter(mostWrites, work);

  /** The death of a worker in the first attempt at this activity, in whatever `work` begins. */
  const worked = (name: keyof Activities, work: () => Promise<unknown>) => async (mostWrites: number) => {
    const died = harness().dyingAttempt(name, mostWrites);
    await work();
    return died;
  };

  async function failingJob(payer: Payer) {
    const { job, upload } = await harness().submitJob(payer.caller, awaited);
    return { job, fail: () => harness().cancelJob(payer.caller, job._id), uploadId: upload?._id };
  }

  const submitting = async (payer: Payer, name: keyof Activities): Promise<Scenario> => {
    const request = await stored(payer);
    const dying = worked(name, () => harness().submitJob(payer.caller, request));
    return { dying, ends: ['ready'], jobs: [1, 1] };
  };

  const cancelling = async (payer: Payer, name: keyof Activities): Promise<Scenario> => {
    const { fail } = await failingJob(payer);
    return { dying: worked(name, fail), ends: ['cancelled'], jobs: [1, 1] };
  };

  const batching = async (payer: Payer, name: keyof Activities): Promise<Scenario> => {
    const jobs = [await stored(payer), await stored(payer), await stored(payer)];
    const request = { dialect: 'graphql', jobs, archive: true } as const;
    const dying = worked(name, () => harness().submitBatch(payer.caller, request));
    return { dying, ends: ['ready'], jobs: [3, 3] };
  };

  /** The process died that had written the end of a job, before anything else. */
  async function endedBadly({ caller }: Payer) {
    const { job } = await harness().unheard.submitJob(caller, awaited);
    const error = { code: 'CANCELLED', message: 'Cancelled.' } as const;
    return harness().jobs.transition(job._id, { to: 'cancelled', cause: 'ended', patch: { error } });
  }

  return { bring, stored, served, worked, failingJob, submitting, cancelling, batching, endedBadly };
}

/** Nothing of the account is left over: no open place, no file without bytes. */
async function expectNothingLeft(harness: CrashHarness, accountId: string): Promise<void> {
  const owner = `account:${accountId}`;
  const admission = await harness.collections.admissions.findOne({ _id: owner });
  expect(admission === null || isIdle(admission), JSON.stringify(admission)).toBe(true);
  for (const { blobId, size } of await harness.collections.files.find({ owner }).toArray())
    expect(await harness.blobs.size(blobId), blobId).toBe(size);
  for (const { _id, status, total, outcomes } of await harness.collections.batches.find({ owner }).toArray())
    expect(Object.keys(outcomes), `${_id} is ${status}`).toHaveLength(total);
}

let points = 0;

/** Has a process die after each of its writes in turn, and repairs, and looks at what holds. */
export async function dieEverywhere(
  harness: CrashHarness,
  name: string,
  newScenario: (payer: Payer) => Promise<Scenario>,
): Promise<void> {
  let died = true;
  let writes = 0;
  for (; died; writes += 1) {
    expect(writes).toBeLessThan(MOST_POINTS);
    const payer = await harness.newPayer(CREDITS);
    const scenario = await newScenario(payer);
    died = await scenario.dying(writes);
    await scenario.afterwards?.(died);
    await harness.mend(payer.accountId);
    const at = `${name}, after write ${writes}`;
    const ends = await expectSound(harness, payer.accountId);
    expect(
      Object.keys(ends).filter((end) => !scenario.ends.includes(end as JobStatus)),
      at,
    ).toEqual([]);
    const jobs = Object.values(ends).reduce((sum, count) => sum + count, 0);
    expect(jobs, at).toBeGreaterThanOrEqual(died ? scenario.jobs[0] : scenario.jobs[1]);
    expect(jobs, at).toBeLessThanOrEqual(scenario.jobs[1]);
    await expectNothingLeft(harness, payer.accountId);
  }
  points += writes - 1;
  console.log(`${name}: ${writes - 1} crash points (${points} so far, ${USED} credits a job)`);
  expect(writes).toBeGreaterThan(1);
}
