import { Option } from 'commander';
import {
  type KillRoundResult,
  killRound,
  PROMISED_MS,
  violationsOf,
} from '../../test/support/chaos/kill-round.ts';
import { startKilnApart } from '../../test/support/chaos/kiln-apart.ts';
import { type MessageLog, openMessageLog } from '../../test/support/chaos/message-log.ts';
import { untilNothing } from '../../test/support/chaos/settled.ts';
import { type MortalKiln, startWholeKiln, type Victim } from '../../test/support/chaos/whole-kiln.ts';
import { seededRandom } from '../../test/support/seeded-random.ts';
import { positive } from '../arguments.ts';
import type { Drill } from './drill.ts';

interface Options {
  rounds: number;
  seed: number;
  victim?: Victim;
}

const VICTIMS: readonly Victim[] = ['temporal', 'main', 'mongodb', 'worker'];
/** Time for all callbacks: one whose sender was killed is sent again once that is noticed. */
const REPORTED_MS = 180_000;

/** Checks that nothing accepted is stuck or lost when a process is killed at a random moment. */
export const drill: Drill<Options> = {
  name: 'kills',
  about: '24 uploads completed within 2 s, kill -9 of something at a random moment, a new start',
  options: [
    new Option('--rounds <n>', 'how often').argParser(positive).default(60),
    new Option('--seed <n>', 'of the first round; each round after it has the next number')
      .argParser(positive)
      .default(Date.now() % 2 ** 31),
    new Option('--victim <name>', 'always the same one').choices(VICTIMS),
  ],

  async run({ options: { rounds, seed: first, victim: always }, say }) {
    const messages = await openMessageLog();
    const kilns = createKilns(messages);
    const results: KillRoundResult[] = [];
    const violations: string[] = [];
    for (let seed = first; seed < first + rounds; seed += 1) {
      const victim = always ?? seededRandom(seed).pick(VICTIMS);
      const result = await killRound(await kilns.with(victim), messages, seed, victim);
      results.push(result);
      kilns.expectReports(result.toReport);
      say(lineOf(result));
      const found = violationsOf(result).map((violation) => `seed ${seed} (${victim}): ${violation}`);
      for (const violation of found) say(`  ${violation}`);
      violations.push(...found);
      // Starts anew, so that a violation is not counted again in the next round.
      if (found.length > 0) violations.push(...(await kilns.end()));
    }
    violations.push(...(await kilns.end()));
    await messages.close();
    say(summaryOf(results));
    return violations;
  },
};

/** Keeps a service for the rounds in which a worker dies alone and another for the rest, each started when needed. */
function createKilns(messages: MessageLog) {
  const running = new Map<boolean, MortalKiln>();
  const toReport: string[] = [];
  return {
    expectReports: (jobIds: readonly string[]) => void toReport.push(...jobIds),

    async with(victim: Victim): Promise<MortalKiln> {
      const apart = victim === 'worker';
      const mark = `kills-${apart ? 'apart' : 'whole'}-${process.pid}-${performance.now().toFixed(0)}`;
      const kiln = running.get(apart) ?? (await (apart ? startKilnApart(mark) : startWholeKiln(mark)));
      running.set(apart, kiln);
      return kiln;
    },

    /** Waits for all callbacks and stops. @returns what is wrong with them, and what was left running. */
    async end(): Promise<string[]> {
      const jobs = toReport.splice(0);
      const unreported = await untilNothing(async () => messages.violations(jobs), REPORTED_MS);
      const left = await Promise.all([...running.values()].map((kiln) => kiln.stop()));
      running.clear();
      return [...unreported, ...left.flat().map((one) => `left running: ${one}`)];
    },
  };
}

function lineOf(result: KillRoundResult): string {
  const { seed, victim, killedAtMs, acknowledged, startMs, settledMs, late, orphans } = result;
  const settled = settledMs === null ? 'NEVER' : `${(settledMs / 1000).toFixed(1)} s`;
  return (
    `seed ${seed}: ${victim} killed after ${killedAtMs} ms with ${acknowledged} of 24 acknowledged; ` +
    `up again after ${(startMs / 1000).toFixed(1)} s, all at their end after ${settled}, ${orphans} blobs without a record` +
    (late.length > 0 ? `; ${late.length} later than ${PROMISED_MS / 1000} s` : '')
  );
}

function summaryOf(results: readonly KillRoundResult[]): string {
  const count = (of: (result: KillRoundResult) => unknown[]) =>
    results.reduce((sum, one) => sum + of(one).length, 0);
  const slowest = Math.max(...results.map(({ settledMs }) => settledMs ?? Number.POSITIVE_INFINITY));
  return (
    `${results.length} rounds, ${results.length * 24} jobs: ${count(({ stuck }) => stuck)} stuck, ` +
    `${count(({ late }) => late)} late, ${count(({ spoilt }) => spoilt)} spoilt, ` +
    `${count(({ leaked }) => leaked)} leaked places, ${count(({ workflows }) => workflows)} bad workflows, ` +
    `${count(({ leftovers }) => leftovers)} processes left; slowest ${(slowest / 1000).toFixed(1)} s`
  );
}
