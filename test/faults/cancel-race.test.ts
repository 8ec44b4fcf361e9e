import { afterAll, beforeAll, expect, it } from 'vitest';
import { expectCleanDisk, expectSound } from '../support/invariants.ts';
import { createJobBench, type JobBench, USED } from '../support/job-bench.ts';
import { refusalOf } from '../support/money.ts';
import { seededRandom, seedOf } from '../support/seeded-random.ts';

const ROUNDS = 500;
const LANES = 10;
const CREDITS = 10_000;
/** Longer than most jobs take here, so that the cancel meets every part of one. */
const LATEST_MS = 800;

let bench: JobBench;

beforeAll(async () => {
  bench = await createJobBench();
});
afterAll(() => bench.close());

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

it(`F23: cancel racing completion, ${ROUNDS} rounds: state, event, workflow, result and ledger agree`, async () => {
  const seed = seedOf();
  const random = seededRandom(seed);
  const { accountId, caller } = await bench.newPayer(CREDITS);
  const fileId = await bench.newFile(accountId);
  let left = ROUNDS;

  async function race(): Promise<void> {
    const wish = { dialect: 'graphql', input: { fileId }, target: 'webp' } as const;
    const { job } = await bench.submitJob(wish, caller);
    await pause(random.below(LATEST_MS));
    const refusal = await refusalOf(bench.cancelJob(caller, job._id));
    const end = await bench.ended(job._id);
    const { status } = await bench.jobs.get(job._id);
    expect(end).toEqual({ status });
    expect(refusal).toBe(status === 'cancelled' ? null : 'WRONG_STATE');
    expect(bench.runsOf(job._id)).toBe(1);
  }

  const began = performance.now();
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      while (left > 0) {
        left -= 1;
        await race();
      }
    }),
  );
  const ends = await expectSound(bench, accountId);
  await expectCleanDisk(bench);
  const { available } = await bench.credits.get(accountId);
  const seconds = (performance.now() - began) / 1000;
  console.log(`F23 (seed ${seed}): ${ROUNDS} rounds, ${JSON.stringify(ends)}, ${seconds.toFixed(0)} s`);
  const { ready = 0, cancelled = 0, ...others } = ends;
  expect(others).toEqual({});
  expect(available).toBe(CREDITS - ready * USED);
  expect(Math.min(ready, cancelled)).toBeGreaterThan(ROUNDS / 20);
}, 180_000);
