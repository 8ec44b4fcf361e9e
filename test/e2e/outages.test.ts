import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KilnApart, startKilnApart } from '../support/chaos/kiln-apart.ts';
import { type MessageLog, openMessageLog } from '../support/chaos/message-log.ts';
import { OUTAGES, outageUnderLoad } from '../support/chaos/outage.ts';
import { seedOf } from '../support/seeded-random.ts';

/** Long enough for every wait of a request to run out; in full by `npm run bench -- outages`. */
const LONGEST_MS = 15_000;
/** So that what was lost is named in the end, and not just late. */
const TIMEOUT_MS = 600_000;

const seed = seedOf();
let messages: MessageLog;
let kiln: KilnApart;

beforeAll(async () => {
  messages = await openMessageLog();
  kiln = await startKilnApart(`outages-${process.pid}`);
});
afterAll(async () => {
  const left = await kiln?.stop();
  await messages.close();
  expect(left).toEqual([]);
});

describe.skipIf(process.platform !== 'linux')('under load', () => {
  it.each(OUTAGES)(
    '$name, then back: nobody loses anything',
    async (outage) => {
      const short = { ...outage, awayMs: Math.min(outage.awayMs, LONGEST_MS) };
      const result = await outageUnderLoad(kiln, messages, short, { seed, rate: 2, aroundMs: 4000 });
      const { violations, customers, refusals, drainedMs } = result;
      console.log(
        `seed ${seed}: ${customers} customers, ${refusals} times "come again", drained after ${drainedMs} ms`,
      );
      expect(violations, `seed ${seed}`).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
