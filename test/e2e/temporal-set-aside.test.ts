import { readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { createSwapmyfileClient, noise, picture } from '../support/service/client.ts';
import {
  type KilnProcess,
  markedProcesses,
  newDataDir,
  removeDataDir,
  startKilnProcess,
  until,
} from '../support/service/kiln-process.ts';

const MARK = 'set-aside';
let dataDir: string;
let running: KilnProcess | undefined;

afterEach(async () => {
  await running?.stop();
  await removeDataDir(dataDir);
});

const jobRequest = (bytes: Buffer) => ({
  converterSlug: 'png-to-webp',
  inputFilename: 'a.png',
  inputMime: 'image/png',
  inputSize: bytes.length,
});

/** As if a Temporal that cannot be had any more had written the database. */
async function pretendWrittenBy(version: string): Promise<void> {
  const path = join(dataDir, 'engines.json');
  const engines = JSON.parse(await readFile(path, 'utf8'));
  engines.temporal.version = version;
  await writeFile(path, JSON.stringify(engines));
}

it.skipIf(process.platform !== 'linux')(
  'a Temporal database that nothing here can open costs no job',
  async () => {
    dataDir = await newDataDir();
    running = await startKilnProcess({ dataDir, mark: MARK });
    const { url, credentials, run } = running;
    const client = createSwapmyfileClient(url, credentials.apiKey);
    const [small, large] = [await picture(90, 60), await noise(2500, 2000)];
    const waiting = await client.prepare(jobRequest(small));
    const begun = await Promise.all(
      [1, 2, 3].map(async () => {
        const prepared = await client.prepare(jobRequest(large));
        await client.upload(prepared, large);
        return prepared;
      }),
    );
    process.kill(run.pid, 'SIGKILL');
    await until(() => markedProcesses(MARK).length === 0, 20_000);
    running = undefined;
    await pretendWrittenBy('1.7.0');

    running = await startKilnProcess({ dataDir, mark: MARK, env: { KILN_PORT: new URL(url).port } });
    expect(running.output()).toContain('ATTENTION: Temporal 1.7.0 wrote its database');
    expect(readdirSync(dataDir).filter((name) => /^temporal-1\.7\.0-.*\.db$/.test(name))).toHaveLength(1);
    await client.upload(waiting, small);
    const ended = await Promise.all([waiting, ...begun].map(({ job }) => client.ended(job.jobId, 90_000)));
    expect(ended.map(({ status }) => status)).toEqual(['ready', 'ready', 'ready', 'ready']);
  },
);
