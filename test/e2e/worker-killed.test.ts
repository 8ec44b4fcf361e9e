import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSwapmyfileClient, noise } from '../support/service/client.ts';
import { markedProcesses, until } from '../support/service/kiln-process.ts';
import { type PartsApart, startPartsApart } from '../support/service/parts-apart.ts';

const MARK = 'worker-killed';

let parts: PartsApart;

beforeAll(async () => {
  parts = await startPartsApart(MARK);
});
afterAll(() => parts.stop());

describe.skipIf(process.platform !== 'linux')('a worker killed -9 in mid-conversion', () => {
  it('leaves the job to another worker: ready, one output, no engine left', async () => {
    const server = await parts.launch('server');
    const first = await parts.launch('worker');
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
    const engines = markedProcesses(MARK).filter(({ ppid }) => ppid === first.pid);
    process.kill(first.pid, 'SIGKILL');
    await until(
      () => markedProcesses(MARK).every(({ pid }) => !engines.some((engine) => engine.pid === pid)),
      5000,
    );
    expect((await guest.job(prepared.job.jobId, asGuest)).status).toBe('processing');

    await parts.launch('worker');
    await until(async () => (await guest.job(prepared.job.jobId, asGuest)).status === 'ready', 90_000);
    const job = await guest.job(prepared.job.jobId, asGuest);
    const result = await guest.download(job.downloadUrl ?? '');
    expect(await sharp(result).metadata()).toMatchObject({ width: 3000, height: 3000 });
    const blobs = readdirSync(join(parts.dataDir, 'blobs'), { recursive: true, withFileTypes: true }).filter(
      (entry) => entry.isFile(),
    );
    expect(blobs.filter(({ name }) => name.startsWith('out.'))).toHaveLength(1);
    expect(blobs).toHaveLength(2);
  });
});
