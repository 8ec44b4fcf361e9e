import { Option } from 'commander';
import { type KilnApart, startKilnApart } from '../../test/support/chaos/kiln-apart.ts';
import { openMessageLog } from '../../test/support/chaos/message-log.ts';
import { OUTAGES, type OutageResult, outageUnderLoad } from '../../test/support/chaos/outage.ts';
import { positive } from '../arguments.ts';
import type { Drill } from './drill.ts';

interface Options {
  times: number;
  seed: number;
  only: string;
  rate: number;
}

const AROUND_MS = 8000;

/** Checks that nothing is lost when Temporal or the database is away for a while under load. */
export const drill: Drill<Options> = {
  name: 'outages',
  about: 'Temporal stopped for 60 s, Temporal killed -9, the database stopped for 30 s, under load',
  options: [
    new Option('--times <n>', 'how often each').argParser(positive).default(20),
    new Option('--seed <n>', 'of the first time; the next one has the next number')
      .argParser(positive)
      .default(Date.now() % 2 ** 31),
    new Option('--only <name>', 'one of them').choices(OUTAGES.map(({ name }) => name)),
    new Option('--rate <n>', 'new customers a second').argParser(positive).default(2),
  ],

  async run({ options: { times, seed: first, only, rate }, say }) {
    const messages = await openMessageLog();
    const violations: string[] = [];
    for (const outage of OUTAGES.filter(({ name }) => only === undefined || name === only)) {
      const results: OutageResult[] = [];
      let kiln: KilnApart | undefined;
      for (let seed = first; seed < first + times; seed += 1) {
        kiln ??= await startKilnApart(`outage-${outage.name}-${seed}-${process.pid}`);
        const result = await outageUnderLoad(kiln, messages, outage, { seed, rate, aroundMs: AROUND_MS });
        // Starts anew, so that a violation is not counted again the next time.
        if (result.violations.length > 0 || seed === first + times - 1) {
          const left = await kiln.stop();
          result.violations.push(...left.map((one) => `left running: ${one}`));
          kiln = undefined;
        }
        results.push(result);
        say(lineOf(result));
        for (const violation of result.violations) say(`  ${violation}`);
        violations.push(...result.violations.map((violation) => `${outage.name} seed ${seed}: ${violation}`));
      }
      say(`${outage.name}: ${summaryOf(results)}`);
    }
    await messages.close();
    return violations;
  },
};

function lineOf({
  outage,
  seed,
  customers,
  refusals,
  slowestAnswerMs,
  backMs,
  drainedMs,
  violations,
}: OutageResult) {
  return (
    `${outage} seed ${seed}: ${customers} customers, ${refusals} times "come again", ` +
    `slowest answer ${(slowestAnswerMs / 1000).toFixed(1)} s, back after ${(backMs / 1000).toFixed(1)} s, ` +
    `drained after ${(drainedMs / 1000).toFixed(1)} s, ${violations.length} violations`
  );
}

function summaryOf(results: readonly OutageResult[]): string {
  const customers = results.reduce((sum, one) => sum + one.customers, 0);
  const clean = results.filter(({ violations }) => violations.length === 0).length;
  const slowest = Math.max(...results.map(({ drainedMs }) => drainedMs));
  return (
    `${clean} of ${results.length} times without a violation, ${customers} customers; ` +
    `drained after ${(slowest / 1000).toFixed(1)} s at the most`
  );
}
