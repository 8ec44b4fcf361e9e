import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createApp } from '../src/app/app.ts';
import { loadConfig } from '../src/config.ts';
import { queueLease } from '../src/domain/jobs/job-lease.ts';
import { countCommands } from '../test/support/command-count.ts';
import { aJob } from '../test/support/records.ts';
import type { Bench, Row } from './bench.ts';
import { crowdedAdmission, monitored } from './waiting-jobs.ts';

const SIZES = [0, 1000, 20_000];
/** Converting jobs; more than any plan allows at a time, so that the others have to wait. */
const ACTIVE = 50;
const LONG_AGO_MS = 3_600_000;
/** By then every open job is due for the repair. */
const SOON_MS = 60_000;
const CHUNK = 500;

/** Measures what a repair round costs where nothing is broken, by the number of waiting jobs. */
export const bench: Bench = {
  name: 'repair',
  about: 'one round of each repair while nothing is broken and many jobs wait, in a database of its own',

  async run({ folder, say }) {
    const run = JSON.parse(await readFile(join(folder, 'data', 'run.json'), 'utf8'));
    const app = await createApp(
      loadConfig({ KILN_DATA_DIR: join(folder, 'repair'), KILN_QUEUE_PREFIX: 'bench' }),
      {
        mongoUri: monitored(run.mongoUri, 'repair-bench'),
        temporalAddress: run.temporalAddress,
        masterKeys: [new Uint8Array(32).fill(1)],
        adminToken: undefined,
        refusedPorts: [],
      },
    );
    const { mongo } = app.infrastructure;
    const { collections, db } = mongo;
    const { jobs, ...others } = app.repairs;
    const steps = Object.entries({ jobs: () => jobs(), ...others });
    const commands = countCommands(mongo);
    const crowd = await crowdedAdmission(collections, ACTIVE);
    const updatedAt = new Date(Date.now() - LONG_AGO_MS);
    const insert = (ids: readonly string[], status: 'queued' | 'processing') =>
      collections.jobs.insertMany(
        // Marks them as the repair leaves waiting jobs.
        ids.map((_id) =>
          aJob({ _id, owner: crowd.concurrencyKey, status, updatedAt, repairAt: queueLease() }),
        ),
      );
    await insert(crowd.converting, 'processing');
    const rows: Row[] = [];
    const waiting: string[] = [];
    /** Runs each repair once, or one of them. */
    async function round(around: string, only?: string): Promise<void> {
      say(around);
      for (const [name, step] of steps.filter(([one]) => one === (only ?? one))) {
        const began = performance.now();
        const sent = await commands.of(() => step(Date.now() + SOON_MS));
        const note = `${Math.round(performance.now() - began)} ms`;
        rows.push({ what: `${name}, ${around}`, figure: sent.length, unit: 'commands', note });
      }
    }
    for (const size of SIZES) {
      const came = await crowd.growTo(size);
      waiting.push(...came);
      for (const chunk of chunksOf(came)) await insert(chunk, 'queued');
      // Converting jobs were touched a moment ago, so the repair leaves them alone.
      const active = { _id: { $in: crowd.converting } };
      await collections.jobs.updateMany(active, { $set: { updatedAt: new Date() } });
      await round(`${size} waiting`);
    }
    const ended = { status: 'ready' as const, finishedAt: updatedAt };
    for (const chunk of chunksOf(waiting))
      await collections.jobs.updateMany({ _id: { $in: chunk } }, { $set: ended, $unset: { repairAt: '' } });
    // Without their admission, which would now let them in one by one.
    await round(`${waiting.length} ended`, 'jobs');
    await db.dropDatabase();
    await app.close();
    return rows;
  },
};

function chunksOf(ids: readonly string[]): string[][] {
  const count = Math.ceil(ids.length / CHUNK);
  return Array.from({ length: count }, (_, i) => ids.slice(i * CHUNK, (i + 1) * CHUNK));
}
