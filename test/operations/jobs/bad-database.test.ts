import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Caller } from '../../../src/domain/access/account.ts';
import { KilnError } from '../../../src/domain/errors.ts';
import { TERMINAL_STATUSES } from '../../../src/domain/jobs/job.ts';
import { createLog } from '../../../src/log.ts';
import { createRepairJobs } from '../../../src/operations/jobs/repair-jobs.ts';
import { closeAll, listen } from '../../net/receivers.ts';
import type { Fault } from '../../support/faulty-collections.ts';
import { createJobHarness, type JobHarness, PICTURE, PNG } from '../../support/harness/job-harness.ts';
import { type Ends, expectSound } from '../../support/invariants.ts';
import { insist } from '../../support/money.ts';
import { seededRandom, seedOf } from '../../support/seeded-random.ts';
import { timeLimit } from '../../support/time-limit.ts';

const ROUNDS = 20;
const JOBS = 8;
/** Of each: calls that are lost, writes whose answer is lost or that no majority confirms, calls that take long. */
const SHARE = 0.01;
const LONGEST_MS = 50;
const SILENT_MS = 2000;

const seed = seedOf();
const random = seededRandom(seed);
const faults = { lost: 0, unanswered: 0, unconfirmed: 0, unread: 0, late: 0 };
/** Nothing is disturbed while a round is looked at. */
let isBad = false;
const strikes = () => isBad && random.chance(SHARE);

/** A connection on which every kind of call may fail or take its time. */
const interference = {
  async turn(): Promise<void> {
    if (!strikes()) return;
    faults.late += 1;
    await sleep(random.below(LONGEST_MS));
  },
  fault(): Fault {
    if (strikes()) {
      faults.lost += 1;
      return 'before';
    }
    if (strikes()) {
      faults.unanswered += 1;
      return 'after';
    }
    if (!strikes()) return null;
    faults.unconfirmed += 1;
    return 'unconfirmed';
  },
  unread(): boolean {
    const struck = strikes();
    faults.unread += Number(struck);
    return struck;
  },
};

let harness: JobHarness;
let hook: string;
/** The message ids under which the end of each job was received. */
const callbackIds = new Map<string, Set<string>>();

beforeAll(async () => {
  harness = await createJobHarness(interference);
  const receiver = createServer(async (request, response) => {
    const { job } = JSON.parse(await text(request));
    const ids = callbackIds.get(job.jobId) ?? new Set();
    callbackIds.set(job.jobId, ids.add(String(request.headers['webhook-id'])));
    response.end();
  });
  hook = `http://127.0.0.1:${await listen(receiver)}/hook`;
});
afterAll(async () => {
  await harness.close();
  await closeAll();
});

/** What a client does who tries again until there is an answer. @returns the job that was accepted. */
async function bringJob(caller: Caller): Promise<string> {
  const request = { dialect: 'swapmyfile', input: { upload: PICTURE }, target: 'webp' } as const;
  const { job, upload } = await insist(() =>
    harness.submitJob({ ...request, callback: { url: hook, secret: 'secret' } }, caller),
  );
  const uploadId = upload?._id ?? '';
  await insist(() => harness.receiveUpload(uploadId, Readable.from([PNG])));
  await insist(() => harness.completeUpload(null, uploadId));
  return job._id;
}

/** Jobs that were written although their client got an error: a repair starts them, and they expire. */
async function expireOrphans(owner: string): Promise<number> {
  const { jobs } = harness.collections;
  const orphans = await jobs.find({ owner, status: { $nin: [...TERMINAL_STATUSES] } }).toArray();
  if (orphans.length === 0) return 0;
  // As if their hour had passed.
  await jobs.updateMany({ owner }, { $set: { repairAt: new Date(0), uploadDeadline: new Date() } });
  await createRepairJobs({ ...harness, log: createLog('silent') })();
  for (const { _id } of orphans) expect(await harness.ended(_id)).toEqual({ status: 'expired' });
  return orphans.length;
}

/**
 * As the service does: now and then somebody looks after jobs that give no sign of life. The repair waits for
 * seconds that nobody has here, so their time is said to be over.
 */
async function looking(owner: string, work: () => Promise<void>): Promise<void> {
  const over = new AbortController();
  const rounds = lookAround(owner, over.signal);
  await work().finally(() => over.abort());
  // Of a round that is under way, nothing comes after the end.
  await rounds;
}

async function lookAround(owner: string, over: AbortSignal): Promise<void> {
  const repairJobs = createRepairJobs({ ...harness, log: createLog('silent') });
  for (;;) {
    await sleep(SILENT_MS, undefined, { signal: over }).catch(() => {});
    if (over.aborted) return;
    const silent = { owner, status: 'queued' as const, updatedAt: { $lt: new Date(Date.now() - SILENT_MS) } };
    await harness.collections.jobs.updateMany(silent, { $set: { repairAt: new Date(0) } });
    // It meets the same database; as in the service, the next round tries again.
    await repairJobs().catch(unlessUnavailable);
  }
}

function unlessUnavailable(error: unknown): void {
  if (!(error instanceof KilnError && error.code === 'UNAVAILABLE')) throw error;
}

async function round(): Promise<Ends> {
  const { accountId, caller } = await harness.newPayer(1000);
  isBad = true;
  const accepted = await Promise.all(Array.from({ length: JOBS }, () => bringJob(caller)));
  await looking(`account:${accountId}`, async () => {
    for (const jobId of accepted) {
      await harness.ended(jobId);
      await harness.deliveredTo(jobId);
    }
  });
  isBad = false;
  const orphans = await expireOrphans(`account:${accountId}`);
  const ends = await expectSound(harness, accountId);
  for (const jobId of accepted) expect(callbackIds.get(jobId)?.size, jobId).toBe(1);
  expect(ends.expired ?? 0).toBe(orphans);
  return ends;
}

it(
  `keeps every promise while one call in a hundred is lost, unanswered or late: ${ROUNDS} rounds`,
  async () => {
    const all: Ends = {};
    for (let i = 0; i < ROUNDS; i += 1) {
      const ends = await round().catch((cause: unknown) => {
        throw new Error(`round ${i} of seed ${seed}`, { cause });
      });
      for (const [status, count] of Object.entries(ends))
        all[status as keyof Ends] = (all[status as keyof Ends] ?? 0) + count;
    }
    console.log(`bad database (seed ${seed}): ${ROUNDS} rounds, ${JSON.stringify({ ...all, ...faults })}`);
    expect(Math.min(...Object.values(faults))).toBeGreaterThan(0);
    expect(all.ready).toBeGreaterThan(0.9 * ROUNDS * JOBS);
  },
  timeLimit(180_000),
);
