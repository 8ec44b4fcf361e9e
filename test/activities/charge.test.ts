import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConvertedFile } from '../../activities/convert.ts';
import { createConvertSmallFile } from '../../activities/convert-small-file.ts';
import type { JobEnd } from '../../activities/record.ts';
import { newId } from '../../src/domain/id.ts';
import { createLog } from '../../src/log.ts';
import { createReconcile } from '../../src/operations/credits/reconcile.ts';
import { createRepairCredits } from '../../src/operations/credits/repair-credits.ts';
import { type ActivityHarness, createActivityHarness } from '../support/harness/activity-harness.ts';
import { anAccount, refusalOf, sumOfLedger } from '../support/money.ts';
import { aFile, aJob } from '../support/records.ts';
import { seededRandom, seedOf } from '../support/seeded-random.ts';

const MINUTE = 60_000;
const CANCELLED: JobEnd = { to: 'cancelled', fault: { code: 'CANCELLED', message: 'Not wanted.' } };

let harness: ActivityHarness;
/** A result that stands for all. */
let result: ConvertedFile;

beforeAll(async () => {
  harness = await createActivityHarness();
  const file = aFile({ origin: 'output' });
  await harness.files.insertIfAbsent(file);
  result = {
    fileId: file._id,
    size: file.size,
    sha256: file.sha256,
    source: 'png',
    engine: 'test',
    engineMs: 1,
    width: null,
    height: null,
    warnings: [],
  };
});
afterAll(() => harness.close());

const ready = (credits: number): JobEnd => ({ to: 'ready', outputs: [{ ...result, credits }] });

/** A job that an engine works on. */
async function running(accountId: string): Promise<string> {
  const job = aJob({ owner: `account:${accountId}`, status: 'processing' });
  await harness.jobs.insertIfAbsent(job);
  return job._id;
}

async function balance(accountId: string) {
  const { available, held } = await harness.credits.get(accountId);
  return { available, held };
}

async function kinds(accountId: string, jobId: string): Promise<string[]> {
  const { entries } = await sumOfLedger(harness.collections, accountId);
  const own = entries.filter(({ subject }) => subject === jobId);
  return own.toSorted((left, right) => left.seq - right.seq).map(({ kind }) => kind);
}

describe('a job that costs credits', () => {
  it('holds the ceiling, captures what it used and gives back the rest, however often it is repeated', async () => {
    const accountId = await anAccount(harness.collections, 10);
    const jobId = await running(accountId);
    for (let i = 0; i < 2; i += 1) await harness.run('holdCredits', { jobId, amount: 6 });
    expect(await balance(accountId)).toEqual({ available: 4, held: 6 });
    await harness.run('recordEnd', { jobId, end: ready(4) });
    for (let i = 0; i < 2; i += 1) await harness.run('settleCredits', { jobId });
    expect(await balance(accountId)).toEqual({ available: 6, held: 0 });
    expect(await harness.jobs.get(jobId)).toMatchObject({ status: 'ready', spent: 4 });
    expect(await kinds(accountId, jobId)).toEqual(['hold', 'capture', 'release']);
  });

  it('that is cancelled costs nothing, and its late hold is refused', async () => {
    const accountId = await anAccount(harness.collections, 10);
    const jobId = await running(accountId);
    await harness.run('recordEnd', { jobId, end: CANCELLED });
    await harness.run('settleCredits', { jobId });
    const hold = { accountId, jobId, run: '1', amount: 6 };
    await expect(harness.run('holdCredits', { jobId, amount: 6 })).rejects.toMatchObject({
      type: 'WRONG_STATE',
      nonRetryable: true,
    });
    expect(await refusalOf(harness.credits.hold(hold))).toBe('WRONG_STATE');
    expect(await balance(accountId)).toEqual({ available: 10, held: 0 });
  });

  it('is refused for good when there are too few', async () => {
    const accountId = await anAccount(harness.collections, 5);
    const jobId = await running(accountId);
    await expect(harness.run('holdCredits', { jobId, amount: 6 })).rejects.toMatchObject({
      type: 'INSUFFICIENT_CREDITS',
      message: 'This needs 6 media credits, and the account has 5.',
      nonRetryable: true,
    });
  });

  it('needs an account: a guest has no credits', async () => {
    const job = aJob({ owner: 'guest:g', status: 'processing' });
    await harness.jobs.insertIfAbsent(job);
    await expect(harness.run('holdCredits', { jobId: job._id, amount: 1 })).rejects.toMatchObject({
      type: 'INSUFFICIENT_CREDITS',
    });
    await harness.run('recordEnd', { jobId: job._id, end: CANCELLED });
    await harness.run('settleCredits', { jobId: job._id });
  });

  it('is not settled before it has ended', async () => {
    const jobId = await running(await anAccount(harness.collections, 5));
    await expect(harness.run('settleCredits', { jobId })).rejects.toMatchObject({ type: 'WRONG_STATE' });
  });

  it('is handed back unconverted by the short way, whatever its size', async () => {
    const acquired = { blobId: 'blob', steps: [], price: { perMinute: 1, ceiling: 3 } };
    const never = () => Promise.reject(new Error('Nothing may be done before the credits are held.'));
    const convertSmallFile = createConvertSmallFile({
      acquire: async () => acquired,
      convert: never,
      publish: never,
    });
    expect(await convertSmallFile({ job: aJob() })).toEqual(acquired);
  });
});

describe('cancel racing completion', () => {
  it('500 times: state, event and ledger agree', async () => {
    const seed = seedOf();
    const random = seededRandom(seed);
    const accountId = await anAccount(harness.collections, 500);
    const counts = { ready: 0, cancelled: 0 };
    const race = async () => {
      const jobId = await running(accountId);
      await harness.run('holdCredits', { jobId, amount: 2 });
      const ends = random.chance(0.5) ? [ready(1), CANCELLED] : [CANCELLED, ready(1)];
      const pause = random.below(3);
      const [first, second] = await Promise.all(
        ends.map(async (end, i) => {
          if (i === 1) await new Promise((resolve) => setTimeout(resolve, pause));
          const status = await harness.run('recordEnd', { jobId, end });
          await harness.run('settleCredits', { jobId });
          return status;
        }),
      );
      expect(first).toBe(second);
      const { status, events, spent } = await harness.jobs.get(jobId);
      expect(events.filter(({ cause }) => cause === 'ended').map((event) => event.status)).toEqual([status]);
      expect(spent).toBe(status === 'ready' ? 1 : undefined);
      counts[status as keyof typeof counts] += 1;
      return { jobId, status };
    };
    const callers = Array.from({ length: 10 }, async () => {
      const raced: Awaited<ReturnType<typeof race>>[] = [];
      for (let i = 0; i < 50; i += 1) raced.push(await race());
      return raced;
    });
    const rounds = (await Promise.all(callers)).flat();
    const { entries } = await sumOfLedger(harness.collections, accountId);
    const byJob = Map.groupBy(entries, ({ subject }) => subject);
    for (const { jobId, status } of rounds) {
      const kinds = new Set(byJob.get(jobId)?.map(({ kind }) => kind));
      expect(kinds).toEqual(
        new Set(status === 'ready' ? ['hold', 'capture', 'release'] : ['hold', 'release']),
      );
    }
    console.log(
      `cancel against completion (seed ${seed}): ${rounds.length} rounds, ${JSON.stringify(counts)}`,
    );
    expect(await balance(accountId)).toEqual({ available: 500 - counts.ready, held: 0 });
    expect(Math.min(counts.ready, counts.cancelled)).toBeGreaterThan(0);
    expect((await createReconcile(harness)()).differences).toEqual([]);
  }, 120_000);
});

describe('the repair', () => {
  const repair = (now: number) => createRepairCredits({ ...harness, log: createLog('silent') })(now);

  it('settles what a terminated workflow left, and forgets what is long settled', async () => {
    const accountId = await anAccount(harness.collections, 10);
    const [done, failed, gone, busy] = [
      await running(accountId),
      await running(accountId),
      newId(),
      await running(accountId),
    ];
    for (const jobId of [done, failed, gone, busy])
      await harness.credits.hold({ accountId, jobId, run: '1', amount: 2 });
    await harness.run('recordEnd', { jobId: done, end: ready(1) });
    await harness.run('recordEnd', { jobId: failed, end: CANCELLED });
    const now = Date.now();
    await repair(now);
    expect(await balance(accountId)).toEqual({ available: 2, held: 8 });
    await repair(now + 11 * MINUTE);
    expect(await balance(accountId)).toEqual({ available: 7, held: 2 });
    await repair(now + 12 * MINUTE);
    expect((await harness.credits.get(accountId)).pendingEntries).toEqual([]);
    await repair(now + 70 * MINUTE);
    const { holds, grants } = await harness.credits.get(accountId);
    expect(Object.keys(holds)).toEqual([busy]);
    expect(grants).toEqual({});
    expect((await createReconcile(harness)()).differences).toEqual([]);
  });
});
