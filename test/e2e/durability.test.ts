import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import { processMark } from '../../src/blobs/process-mark.ts';
import { createSwapmyfileClient, noise, picture } from '../support/service/client.ts';
import {
  type KilnProcess,
  type LivingProcess,
  markedProcesses,
  newDataDir,
  removeDataDir,
  startKilnProcess,
  survivorsOf,
  until,
} from '../support/service/kiln-process.ts';

const started: KilnProcess[] = [];

async function start(options: Parameters<typeof startKilnProcess>[0]): Promise<KilnProcess> {
  const kiln = await startKilnProcess(options);
  started.push(kiln);
  return kiln;
}

afterEach(async () => {
  const dataDirs = new Set(started.map(({ dataDir }) => dataDir));
  await Promise.all(
    started
      .splice(0)
      .map((kiln) => (kiln.child.exitCode === null && kiln.child.signalCode === null ? kiln.stop() : null)),
  );
  for (const dataDir of dataDirs) await removeDataDir(dataDir);
});

const jobRequest = (bytes: Buffer) => ({
  converterSlug: 'png-to-webp',
  inputFilename: 'a.png',
  inputMime: 'image/png',
  inputSize: bytes.length,
});

describe.skipIf(process.platform !== 'linux')('what a crash leaves', () => {
  it('kill -9 of npm start, start again: waiting and running jobs end, files and jobs are there', async () => {
    const dataDir = await newDataDir();
    const first = await start({ dataDir, mark: 'restart-1' });
    const client = createSwapmyfileClient(first.url, first.credentials.apiKey);
    const small = await picture(90, 60);
    const large = await noise(2500, 2000);

    const done = await client.prepare(jobRequest(small));
    await client.upload(done, small);
    const before = await client.ended(done.job.jobId);
    const waiting = await client.prepare(jobRequest(small));
    const running = await Promise.all(
      [1, 2, 3, 4].map(async () => {
        const prepared = await client.prepare(jobRequest(large));
        await client.upload(prepared, large);
        return prepared;
      }),
    );
    const family = markedProcesses('restart-1');
    process.kill(first.run.pid, 'SIGKILL');
    await nothingLeft(family, 'restart-1');
    // An attempt may or may not have been at work at that moment: this one certainly was.
    const mark = processMark().replace(/\d+\.\d+$/, `${first.run.pid}.1`);
    mkdirSync(join(dataDir, 'scratch', `attempt-${mark}-left`), { recursive: true });

    const second = await start({ dataDir, mark: 'restart-2', env: { KILN_PORT: new URL(first.url).port } });
    expect(second.credentials).toEqual(first.credentials);
    const again = createSwapmyfileClient(second.url, second.credentials.apiKey);
    const after = await again.ended(done.job.jobId);
    expect(await again.download(after.downloadUrl ?? '')).toEqual(
      await again.download(before.downloadUrl ?? ''),
    );
    await again.upload(waiting, small);
    for (const { job } of [waiting, ...running]) {
      const ended = await again.ended(job.jobId, 60_000);
      expect(ended.status).toBe('ready');
      expect((await sharp(await again.download(ended.downloadUrl ?? '')).metadata()).format).toBe('webp');
    }
    // One input and one output for each of the six jobs, and nothing half-made.
    expect(blobsOf(dataDir)).toHaveLength(12);
    // A start removes what attempts of a dead process left; those that ended meanwhile removed their own.
    const scratch = () => readdirSync(join(dataDir, 'scratch'));
    await until(
      () => scratch().length === 0,
      10_000,
      () => `still in scratch: ${scratch().join(', ')}`,
    );
  });

  it('each layer of npm start killed -9 in turn: nothing is left 10 s later', async () => {
    // In two data folders, so that half of the starts wait for the other half.
    const halves = [
      ['npm', 'shell', 'bootstrap', 'kiln'],
      ['reaper', 'temporal', 'mongodb', 'engine process'],
    ];
    await Promise.all(halves.map(async (layers) => killInTurn(await newDataDir(), layers)));
  });

  it('a second start on the same data folder names the running one and leaves it alone', async () => {
    const dataDir = await newDataDir();
    const kiln = await start({ dataDir, mark: 'owner-1' });
    const second = startKilnProcess({ dataDir, mark: 'owner-2' });
    await expect(second).rejects.toThrow(kiln.url);
    expect((await fetch(`${kiln.url}/ready`)).status).toBe(200);
  });
});

/** Kills one layer after the other; each start finds the data folder as the kill before has left it. */
async function killInTurn(dataDir: string, layers: readonly string[]): Promise<void> {
  for (const layer of layers) {
    const mark = `layer-${layer.replaceAll(' ', '-')}`;
    const kiln = await start({ dataDir, mark, command: ['npm', 'start'] });
    const victim = layerOf(layer, mark, kiln);
    const family = markedProcesses(mark);
    process.kill(victim, 'SIGKILL');
    if (layer === 'engine process') {
      // An engine process is replaced, not missed: Kiln goes on, and still ends cleanly.
      const client = createSwapmyfileClient(kiln.url, kiln.credentials.apiKey);
      const bytes = await picture(30, 30);
      const prepared = await client.prepare(jobRequest(bytes));
      await client.upload(prepared, bytes);
      expect(await client.ended(prepared.job.jobId)).toMatchObject({ status: 'ready' });
      await kiln.stop();
    }
    await nothingLeft(family, mark);
  }
}

/** Within ten seconds neither the family that was there nor anything it has started since is alive. */
async function nothingLeft(family: LivingProcess[], mark: string): Promise<void> {
  const left = () => [...survivorsOf(family), ...markedProcesses(mark)];
  await until(
    () => left().length === 0,
    10_000,
    () => JSON.stringify(left()),
  );
}

function blobsOf(dataDir: string): string[] {
  return readdirSync(join(dataDir, 'blobs'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);
}

function layerOf(layer: string, mark: string, kiln: KilnProcess): number {
  const find = (pattern: RegExp) => markedProcesses(mark).find(({ command }) => pattern.test(command))?.pid;
  const pids: Record<string, number | undefined> = {
    npm: kiln.child.pid,
    shell: find(/^sh -c node bootstrap/),
    bootstrap: find(/^node bootstrap\/kiln\.js start/),
    kiln: kiln.run.pid,
    reaper: find(/reaper\.js/),
    temporal: find(/temporal.*start-dev/),
    mongodb: find(/EmbeddedMongo|mongod /),
    'engine process': find(/engine-main/),
  };
  const pid = pids[layer];
  if (!pid) throw new Error(`no process for layer ${layer}: ${JSON.stringify(markedProcesses(mark))}`);
  return pid;
}
