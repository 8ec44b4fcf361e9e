import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { startEmbedded } from '../../src/embedded/embedded.ts';
import { ATTRIBUTES } from '../../workflows/search-attributes.ts';
import { createSwapmyfileClient, noise } from './client.ts';
import { markedProcesses, newDataDir, removeDataDir, until } from './kiln-process.ts';

const root = join(import.meta.dirname, '..', '..');
const MARK = 'worker-killed';

let dataDir: string;
let engines: Awaited<ReturnType<typeof startEmbedded>>;
const children: ChildProcess[] = [];

beforeAll(async () => {
  dataDir = await newDataDir();
  engines = await startEmbedded({
    dataDir,
    cacheDir: loadConfig().cacheDir,
    needTemporal: true,
    needMongo: true,
    searchAttributes: Object.values(ATTRIBUTES).map(({ name }) => name),
    temporalSynchronous: 'NORMAL',
    onProgress: () => {},
    onDeath: () => {},
  });
});

afterAll(async () => {
  for (const child of children) child.kill('SIGTERM');
  await until(
    () => markedProcesses(MARK).length === 0,
    30_000,
    () => JSON.stringify(markedProcesses(MARK)),
  );
  await engines.stop();
  await removeDataDir(dataDir);
});

const masterKey = randomBytes(32).toString('base64');

/** Starts `npm run server` or `npm run worker`, apart from each other as in production. */
async function launch(command: 'server' | 'worker'): Promise<{ pid: number; output: string }> {
  const child = spawn(process.execPath, [join(root, 'src', `${command}.ts`)], {
    cwd: root,
    env: {
      ...process.env,
      KILN_TEST_MARK: MARK,
      KILN_DATA_DIR: dataDir,
      KILN_PORT: '0',
      KILN_LOG_LEVEL: 'warn',
      KILN_MASTER_KEY: masterKey,
      MONGODB_URI: engines.mongoUri ?? '',
      TEMPORAL_ADDRESS: engines.temporalAddress ?? '',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk));
  await until(
    () => output.includes('is ready'),
    60_000,
    () => output,
  );
  return { pid: child.pid ?? 0, output };
}

describe.skipIf(process.platform !== 'linux')('a worker killed -9 in mid-conversion', () => {
  it('leaves the job to another worker: ready, one output, no engine left', async () => {
    const server = await launch('server');
    const first = await launch('worker');
    const url = /at (http\S+)/.exec(server.output)?.[1] ?? '';
    const guest = createSwapmyfileClient(url);
    const bytes = await noise(3000, 3000);
    const prepared = await guest.prepare({
      converterSlug: 'png-to-avif',
      inputFilename: 'n.png',
      inputMime: 'image/png',
      inputSize: bytes.length,
    });
    await guest.upload(prepared, bytes);
    const asGuest = { authorization: `Bearer ${prepared.guestToken}` };
    await until(async () => (await guest.job(prepared.job.jobId, asGuest)).status === 'processing', 30_000);
    const hosts = markedProcesses(MARK).filter(({ ppid }) => ppid === first.pid);
    process.kill(first.pid, 'SIGKILL');
    await until(
      () => markedProcesses(MARK).every(({ pid }) => !hosts.some((host) => host.pid === pid)),
      5000,
    );
    expect((await guest.job(prepared.job.jobId, asGuest)).status).toBe('processing');

    await launch('worker');
    await until(async () => (await guest.job(prepared.job.jobId, asGuest)).status === 'ready', 90_000);
    const job = await guest.job(prepared.job.jobId, asGuest);
    const result = await guest.download(job.downloadUrl ?? '');
    expect(await sharp(result).metadata()).toMatchObject({ width: 3000, height: 3000 });
    const blobs = readdirSync(join(dataDir, 'blobs'), { recursive: true, withFileTypes: true }).filter(
      (entry) => entry.isFile(),
    );
    expect(blobs.filter(({ name }) => name.startsWith('out.'))).toHaveLength(1);
    expect(blobs).toHaveLength(2);
  });
});
