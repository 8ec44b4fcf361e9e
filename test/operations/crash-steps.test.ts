import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newSingleWrites } from '../support/crash/crash-once.ts';
import { ENDPOINT_STEPS } from '../support/crash/crash-steps-endpoints.ts';
import { type CrashStepsHarness, createCrashStepsHarness } from '../support/crash/crash-steps-harness.ts';
import { RECORD_STEPS } from '../support/crash/crash-steps-records.ts';
import { WEBHOOK_STEPS } from '../support/crash/crash-steps-webhooks.ts';
import { saidOnce, scenariosOf } from '../support/crash/crash-table.ts';

const STEPS = { ...WEBHOOK_STEPS, ...ENDPOINT_STEPS, ...RECORD_STEPS };
const MOST_POINTS = 40;

let harness: CrashStepsHarness;
let points = 0;

beforeAll(async () => {
  harness = await createCrashStepsHarness();
});
afterAll(() => harness.close());

describe('a process that dies between any two writes of what needs no workflow of a job', () => {
  it('covers all that the table of operations and activities leaves to it', () => {
    expect(scenariosOf('steps').filter((name) => !(name in STEPS))).toEqual([]);
  });

  it('whatever is said to write once has nothing to die between', async () => {
    const writes = await newSingleWrites(harness);
    expect(Object.keys(writes).sort()).toEqual(saidOnce().sort());
    for (const [name, write] of Object.entries(writes))
      expect(await harness.dyingAfter(1, write), name).toBe(false);
    harness.takeStarts();
  });

  it.each(Object.keys(STEPS))(
    'while it is to %s: after the repair nothing is lost and nothing stays half-way',
    async (name) => {
      let died = true;
      let writes = 0;
      for (; died; writes += 1) {
        expect(writes).toBeLessThan(MOST_POINTS);
        const owner = await harness.newOwner(name.includes('low') ? 10 : 0);
        const step = await STEPS[name]?.(harness, owner);
        if (!step) throw new Error(`Nobody does ${name}.`);
        try {
          died = await harness.dyingAfter(writes, step.work);
          await step.afterwards?.(died);
          await harness.mend(owner);
          await step.holds();
        } catch (error) {
          throw new Error(`${name}, after write ${writes}`, { cause: error });
        }
      }
      points += writes - 1;
      console.log(`${name}: ${writes - 1} crash points (${points} so far)`);
      expect(writes).toBeGreaterThan(1);
    },
    300_000,
  );
});
