import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { killRound, violationsOf } from '../support/chaos/kill-round.ts';
import { startKilnApart } from '../support/chaos/kiln-apart.ts';
import { type MessageLog, openMessageLog } from '../support/chaos/message-log.ts';
import { untilNothing } from '../support/chaos/settled.ts';
import { type MortalKiln, startWholeKiln } from '../support/chaos/whole-kiln.ts';
import { seedOf } from '../support/seeded-random.ts';

/** A message that was under way when its sender died comes again once that was noticed. */
const REPORTED_MS = 150_000;
/** Two rounds on a busy machine, each with all the time that it may need. */
const TIMEOUT_MS = 600_000;

const seed = seedOf();
let messages: MessageLog;

beforeAll(async () => {
  messages = await openMessageLog();
});
afterAll(() => messages.close());

/** The same with any number of rounds: `npm run bench -- kills --rounds 60`. */
async function survives(kiln: MortalKiln, rounds: number): Promise<void> {
  const toReport: string[] = [];
  try {
    for (let round = 0; round < rounds; round += 1) {
      const result = await killRound(kiln, messages, seed + round);
      const settled = result.settledMs === null ? 'never' : `after ${(result.settledMs / 1000).toFixed(1)} s`;
      console.log(
        `seed ${result.seed}: ${result.victim} killed after ${result.killedAtMs} ms with ` +
          `${result.acknowledged} acknowledged, all at their end ${settled}`,
      );
      expect(violationsOf(result), `seed ${result.seed}, ${result.victim}`).toEqual([]);
      toReport.push(...result.toReport);
    }
    expect(await untilNothing(async () => messages.violations(toReport), REPORTED_MS)).toEqual([]);
  } finally {
    expect(await kiln.stop()).toEqual([]);
  }
}

describe.skipIf(process.platform !== 'linux')('kill -9 while two dozen uploads are completed', () => {
  // They mostly wait, so they wait side by side.
  it.concurrent(
    'of Temporal, MongoDB or npm start, which comes up again: every job comes to its end',
    async () => survives(await startWholeKiln(`kills-whole-${process.pid}`), 2),
    TIMEOUT_MS,
  );

  it.concurrent(
    'of the only worker: every job comes to its end',
    async () => survives(await startKilnApart(`kills-apart-${process.pid}`), 1),
    TIMEOUT_MS,
  );
});
