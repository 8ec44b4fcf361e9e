import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newId } from '../src/domain/id.ts';
import { connectMongo } from '../src/store/mongo/mongo.ts';
import { countCommands } from '../test/support/command-count.ts';
import type { Bench, Row } from './bench.ts';
import { percentile } from './statistics.ts';
import { crowdedAdmission, monitored } from './waiting-jobs.ts';

const SIZES = [10, 1000, 100_000];
const ROUNDS = 40;

/** Measures what it costs to enter and leave a queue, which must not grow with the number of those who wait. */
export const bench: Bench = {
  name: 'admission',
  about: `one job lines up and one leaves, of an account with many waiting jobs; medians of ${ROUNDS}, on the service's own database`,

  async run({ folder, say }) {
    const { mongoUri } = JSON.parse(await readFile(join(folder, 'data', 'run.json'), 'utf8'));
    const mongo = await connectMongo(monitored(mongoUri, 'admission-bench'));
    const commands = countCommands(mongo);
    const { concurrencyKey, admissions, converting, growTo } = await crowdedAdmission(mongo.collections, 1);
    let [inside] = converting;
    const rows: Row[] = [];
    for (const size of SIZES) {
      await growTo(size);
      say(`${size} wait`);
      const [entering, leaving]: [number[], number[]] = [[], []];
      let [enter, leave]: [string[], string[]] = [[], []];
      for (let round = 0; round < ROUNDS; round += 1) {
        const began = performance.now();
        enter = await commands.of(() =>
          admissions.enter({ concurrencyKey, jobId: newId(), batch: false, limit: 1 }),
        );
        const entered = performance.now();
        leave = await commands.of(async () => {
          [inside] = await admissions.leave(concurrencyKey, [inside ?? ''], 1);
        });
        entering.push(entered - began);
        leaving.push(performance.now() - entered);
      }
      const bytes = JSON.stringify(
        await mongo.collections.admissions.findOne({ _id: concurrencyKey }),
      ).length;
      const note = (sent: readonly string[]) => `${sent.length} commands`;
      const bare = (sample: 'entering' | 'leaving') => firstOf(rows, sample);
      rows.push(
        row(`line up, ${size} waiting`, percentile(entering, 0.5), bare('entering'), note(enter)),
        row(`leave, ${size} waiting`, percentile(leaving, 0.5), bare('leaving'), note(leave)),
        {
          what: `the admission's document, ${size} waiting`,
          figure: bytes,
          unit: 'bytes',
          target: { atMost: 1000 },
        },
      );
    }
    await mongo.db.dropDatabase();
    await mongo.close();
    return rows;
  },
};

function row(what: string, figure: number, bare: number | undefined, note: string): Row {
  const first = bare === undefined ? {} : { bare: { what: `beside ${SIZES[0]} waiting`, figure: bare } };
  return { what, figure, unit: 'ms', note, ...first };
}

/** Returns the figure of the smallest queue, to compare the others with. */
function firstOf(rows: readonly Row[], kind: 'entering' | 'leaving'): number | undefined {
  return rows[kind === 'entering' ? 0 : 1]?.figure;
}
