import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startRepairRounds } from '../../src/operations/repair-rounds.ts';

/** A step whose every round lasts until it is told to end. */
function heldStep() {
  const begun: (() => void)[] = [];
  const next: (() => void)[] = [];
  let signal: AbortSignal | undefined;
  return {
    run(given: AbortSignal): Promise<void> {
      signal = given;
      for (const resolve of next.splice(0)) resolve();
      return new Promise((resolve) => begun.push(resolve));
    },
    rounds: () => begun.length,
    /** The next round that begins. */
    beginning: () => new Promise<void>((resolve) => next.push(resolve)),
    end: () => begun.at(-1)?.(),
    signal: () => signal,
  };
}

/** A step that counts its rounds, and what it does in them. */
function counting(work: () => Promise<void> = async () => {}) {
  let rounds = 0;
  const reached: { at: number; resolve: () => void }[] = [];
  return {
    async run() {
      rounds += 1;
      for (const { at, resolve } of reached) if (rounds >= at) resolve();
      await work();
    },
    reaches: (at: number) => new Promise<void>((resolve) => reached.push({ at, resolve })),
  };
}

function logged() {
  const lines: object[] = [];
  return { lines, log: { warn: (fields: object) => void lines.push(fields) } };
}

describe('repair rounds', () => {
  it('never run a step while it still runs, and hold up no other for it', async () => {
    const slow = heldStep();
    const quick = counting();
    const twenty = quick.reaches(20);
    const rounds = startRepairRounds({
      steps: [
        { name: 'slow', run: slow.run },
        { name: 'quick', run: quick.run },
      ],
      everyMs: 1,
      log: logged().log,
    });
    await twenty;
    expect(slow.rounds()).toBe(1);
    const again = slow.beginning();
    slow.end();
    await again;
    expect(slow.rounds()).toBe(2);
    const stopped = rounds.stop();
    slow.end();
    await stopped;
  });

  it('go on with the other steps, and with the same one later, when one throws', async () => {
    const { lines, log } = logged();
    const broken = counting(() => Promise.reject(new Error('no database')));
    const fine = counting();
    const both = Promise.all([broken.reaches(3), fine.reaches(3)]);
    const rounds = startRepairRounds({
      steps: [
        { name: 'broken', run: broken.run },
        { name: 'fine', run: fine.run },
      ],
      everyMs: 1,
      log,
    });
    await both;
    await rounds.stop();
    expect(lines[0]).toEqual({ step: 'broken', error: 'Error: no database' });
    expect(lines.every((line) => 'step' in line && line.step === 'broken')).toBe(true);
  });

  it('end with the round that is under way, which is told', async () => {
    const slow = heldStep();
    const rounds = startRepairRounds({
      steps: [{ name: 'slow', run: slow.run }],
      everyMs: 1,
      log: logged().log,
    });
    expect(slow.signal()?.aborted).toBe(false);
    let ended = false;
    const stopped = rounds.stop().then(() => {
      ended = true;
    });
    expect(slow.signal()?.aborted).toBe(true);
    await setImmediate();
    expect(ended).toBe(false);
    slow.end();
    await stopped;
    expect(slow.rounds()).toBe(1);
  });
});
