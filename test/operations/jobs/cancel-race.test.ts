import { afterAll, beforeAll, expect, it } from 'vitest';
import { createJobHarness, type JobHarness, USED } from '../../support/harness/job-harness.ts';
import { expectCleanDisk, expectSound } from '../../support/invariants.ts';
import { refusalOf } from '../../support/money.ts';
import { seededRandom, seedOf } from '../../support/seeded-random.ts';
import { timeLimit } from '../../support/time-limit.ts';

const ROUNDS = 500;
const SIDE_BY_SIDE = 10;
/** As many races of a runner as one measurement serves. */
const MEASURED = 10;
const CREDITS = 10_000;

let harness: JobHarness;

beforeAll(async () => {
  harness = await createJobHarness();
});
afterAll(() => harness.close());

const sideBySide = (work: (runner: number) => Promise<void>) =>
  Promise.all(Array.from({ length: SIDE_BY_SIDE }, (_, runner) => work(runner)));
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

it(
  `cancel racing completion, ${ROUNDS} rounds: state, event, workflow, result and ledger agree`,
  async () => {
    const seed = seedOf();
    const random = seededRandom(seed);
    const { accountId, caller } = await harness.newPayer(CREDITS);
    const fileId = await harness.newFile(accountId);
    const request = { dialect: 'graphql', input: { fileId }, target: 'webp' } as const;

    /** How long a job takes on this machine at this moment, with as many others beside it. */
    async function measure(): Promise<number> {
      const began = performance.now();
      const { job } = await harness.submitJob(request, caller);
      expect(await harness.ended(job._id)).toEqual({ status: 'ready' });
      return performance.now() - began;
    }

    async function race(latestMs: number): Promise<void> {
      const { job } = await harness.submitJob(request, caller);
      await pause(random.below(latestMs));
      const refusal = await refusalOf(harness.cancelJob(caller, job._id));
      const end = await harness.ended(job._id);
      const { status } = await harness.jobs.get(job._id);
      expect(end).toEqual({ status });
      // A busy machine may answer too late; what counts is what became of it.
      expect([status === 'cancelled' ? null : 'WRONG_STATE', 'UNAVAILABLE']).toContain(refusal);
      expect(harness.runsOf(job._id)).toBe(1);
    }

    const latestMs: number[] = [];
    const began = performance.now();
    await sideBySide(async (runner) => {
      // Measured again now and then, so that the cancel keeps meeting every part of a job.
      for (let i = 0; i < ROUNDS / SIDE_BY_SIDE; i += 1) {
        if (i % MEASURED === 0) latestMs[runner] = await measure();
        await race(latestMs[runner] ?? 0);
      }
    });
    const ends = await expectSound(harness, accountId);
    await expectCleanDisk(harness);
    const { available } = await harness.credits.get(accountId);
    const seconds = (performance.now() - began) / 1000;
    console.log(
      `cancel against completion (seed ${seed}): ${ROUNDS} rounds, ${JSON.stringify(ends)}, ${seconds.toFixed(0)} s`,
    );
    const { ready = 0, cancelled = 0, ...others } = ends;
    expect(others).toEqual({});
    expect(available).toBe(CREDITS - ready * USED);
    expect(Math.min(ready - ROUNDS / MEASURED, cancelled)).toBeGreaterThan(ROUNDS / 50);
  },
  timeLimit(300_000),
);
