import { setTimeout as sleep } from 'node:timers/promises';
import { Option } from 'commander';
import { type Column, renderTable } from '../../src/cli/terminal/terminal.ts';
import { everydayLoad, type Visits } from '../../test/support/chaos/everyday-load.ts';
import {
  grownSince,
  type Inventory,
  takeInventory,
  temporalMegabytes,
} from '../../test/support/chaos/inventory.ts';
import { openMessageLog } from '../../test/support/chaos/message-log.ts';
import { startWholeKiln } from '../../test/support/chaos/whole-kiln.ts';
import { seededRandom } from '../../test/support/seeded-random.ts';
import { positive } from '../arguments.ts';
import type { Drill } from './drill.ts';

interface Options {
  minutes: number;
  seed: number;
  rate: number;
}

const MINUTE_MS = 60_000;
/** Share of the run after which everything expires as fast as it is made. */
const WARM_UP_SHARE = 0.2;
/** By which share a figure may grow from the middle to the end. */
const FLAT = 0.2;
/** Idempotency keys are kept for a day whatever is configured, so they grow with the number of jobs. */
const KEPT_FOR_A_DAY = /^documents of idempotency/;
const SHORT_LIVES = {
  KILN_RETENTION_FILES: '60s',
  KILN_RETENTION_UPLOADS: '60s',
  KILN_RETENTION_JOBS: '2m',
  KILN_RETENTION_DELIVERIES: '2m',
  KILN_RETENTION_SWEEP: '15s',
};

const COLUMNS: readonly Column[] = [
  { title: 'what' },
  { title: 'start', align: 'right' },
  { title: 'middle', align: 'right' },
  { title: 'end', align: 'right' },
];

/** Checks that nothing grows with the number of jobs that were ever done. */
export const drill: Drill<Options> = {
  name: 'soak',
  about: 'mixed jobs with short retention: memory, file descriptors, database and blobs stay flat',
  options: [
    new Option('--minutes <n>', 'how long').argParser(positive).default(30),
    new Option('--seed <n>', 'of the visitors').argParser(positive).default(Date.now() % 2 ** 31),
    new Option('--rate <n>', 'visitors a second').argParser(positive).default(2),
  ],

  async run({ options: { minutes, seed, rate }, say }) {
    const mark = `soak-${process.pid}`;
    const messages = await openMessageLog();
    const kiln = await startWholeKiln(mark, SHORT_LIVES);
    const forMs = minutes * MINUTE_MS;
    const load = everydayLoad({
      served: kiln,
      callbackUrl: messages.url,
      rate,
      forMs,
      random: seededRandom(seed),
    });
    const look = async (moment: string) => {
      const inventory = await takeInventory(kiln, `${mark}-1`);
      say(`${moment}: ${[...inventory].map(([name, figure]) => `${name} ${figure.toFixed(0)}`).join(', ')}`);
      say(`${moment}: Temporal's own file ${temporalMegabytes(kiln.dataDir).toFixed(0)} MB`);
      return inventory;
    };
    await sleep(forMs * WARM_UP_SHARE);
    const start = await look('start');
    await sleep(forMs * (0.6 - WARM_UP_SHARE));
    const middle = await look('middle');
    await sleep(forMs * 0.4 - MINUTE_MS / 6);
    const end = await look('end');
    const visits = await load;
    say(`\n${renderTable(COLUMNS, rowsOf(start, middle, end))}`);
    say(
      `\n${renderTable([{ title: 'visitors' }, { title: 'came' }, { title: 'failed' }], visitRows(visits))}`,
    );
    const left = await kiln.stop();
    await messages.close();
    return [
      ...grownSince(middle, end, FLAT).filter((growth) => !KEPT_FOR_A_DAY.test(growth)),
      ...[...visits].flatMap(([name, { failed, words }]) =>
        failed > 0 ? [`${failed} × ${name}: ${words}`] : [],
      ),
      ...left.map((one) => `left running: ${one}`),
    ];
  },
};

function rowsOf(...inventories: Inventory[]): string[][] {
  const names = [...new Set(inventories.flatMap((one) => [...one.keys()]))];
  return names.map((name) => [name, ...inventories.map((one) => (one.get(name) ?? 0).toFixed(0))]);
}

function visitRows(visits: Visits): string[][] {
  return [...visits].map(([name, { came, failed }]) => [name, String(came), String(failed)]);
}
