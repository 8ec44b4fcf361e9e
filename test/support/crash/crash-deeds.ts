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

export type Payer = Awaited<ReturnType<CrashHarness['newPayer']>>;

/** What a process does that dies on the way, and what its caller does then. */
export interface Deed {
  /** @returns whether the process died. */
  dying(mostWrites: number): Promise<boolean>;
  afterwards?(died: boolean): Promise<unknown>;
  /** The only ways in which its jobs may end. */
  ends: readonly JobStatus[];
  /** How many jobs there may be at the most, and at the least. */
  jobs: readonly [least: number, most: number];
}

export type Deeds = Record<string, (payer: Payer) => Promise<Deed>>;

/** A job that waits for its file. */
export const awaited = { dialect: 'graphql', input: { upload: PICTURE }, target: 'webp' } as const;

/** What deeds are made of, on a harness that is there once they are done. */
export function deedTools(harness: () => CrashHarness) {
  /** Brings the file of a job that waits for it. */
  async function bring(uploadId: string | undefined): Promise<void> {
    await harness().receiveUpload(uploadId ?? '', Readable.from([PNG]));
    await harness().completeUpload(null, uploadId ?? '');
  }

  async function stored({ accountId }: Payer) {
    return { ...awaited, input: { fileId: await harness().newFile(accountId) } } as const;
  }

  /** A deed of a process that answers a caller. */
  const served = (work: () => Promise<unknown>) => (mostWrites: number) =>
    harness().dyingAfter(mostWrites, work);

  /** A deed of a worker: the first attempt at this activity, in whatever is begun by `work`. */
  const worked = (name: keyof Activities, work: () => Promise<unknown>) => async (mostWrites: number) => {
    const died = harness().dyingAttempt(name, mostWrites);
    await work();
    return died;
  };

  async function failingJob(payer: Payer) {
    const { job, upload } = await harness().submitJob(payer.caller, awaited);
    return { job, fail: () => harness().cancelJob(payer.caller, job._id), uploadId: upload?._id };
  }

  const submitting = async (payer: Payer, name: keyof Activities): Promise<Deed> => {
    const request = await stored(payer);
    const dying = worked(name, () => harness().submitJob(payer.caller, request));
    return { dying, ends: ['ready'], jobs: [1, 1] };
  };

  const cancelling = async (payer: Payer, name: keyof Activities): Promise<Deed> => {
    const { fail } = await failingJob(payer);
    return { dying: worked(name, fail), ends: ['cancelled'], jobs: [1, 1] };
  };

  const batching = async (payer: Payer, name: keyof Activities): Promise<Deed> => {
    const jobs = [await stored(payer), await stored(payer), await stored(payer)];
    const request = { dialect: 'graphql', jobs, archive: true } as const;
    const dying = worked(name, () => harness().submitBatch(payer.caller, request));
    return { dying, ends: ['ready'], jobs: [3, 3] };
  };

  /** The process died that had written the end of a job, before anything else. */
  async function endedBadly({ caller }: Payer) {
    const { job } = await harness().unheard.submitJob(caller, awaited);
    const fault = { code: 'CANCELLED', message: 'Cancelled.' } as const;
    return harness().jobs.transition(job._id, { to: 'cancelled', cause: 'ended', patch: { error: fault } });
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
  newDeed: (payer: Payer) => Promise<Deed>,
): Promise<void> {
  let died = true;
  let writes = 0;
  for (; died; writes += 1) {
    expect(writes).toBeLessThan(MOST_POINTS);
    const payer = await harness.newPayer(CREDITS);
    const deed = await newDeed(payer);
    died = await deed.dying(writes);
    await deed.afterwards?.(died);
    await harness.mend(payer.accountId);
    const at = `${name}, after write ${writes}`;
    const ends = await expectSound(harness, payer.accountId);
    expect(
      Object.keys(ends).filter((end) => !deed.ends.includes(end as JobStatus)),
      at,
    ).toEqual([]);
    const jobs = Object.values(ends).reduce((sum, count) => sum + count, 0);
    expect(jobs, at).toBeGreaterThanOrEqual(died ? deed.jobs[0] : deed.jobs[1]);
    expect(jobs, at).toBeLessThanOrEqual(deed.jobs[1]);
    await expectNothingLeft(harness, payer.accountId);
  }
  points += writes - 1;
  console.log(`${name}: ${writes - 1} crash points (${points} so far, ${USED} credits a job)`);
  expect(writes).toBeGreaterThan(1);
}
