import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, it, onTestFinished, vi } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { startKiln } from '../../src/process/kiln.ts';
import { createSwapmyfileClient, picture } from '../support/service/client.ts';

// It starts Kiln, on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

it('a bad file is told to its owner, and the operator is not warned', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'kiln-log-'));
  const base = loadConfig({ KILN_PORT: '0', KILN_LOG_LEVEL: 'info', KILN_CONCURRENCY_IMAGE: '1' });
  const name = dataDir.slice(-6).toLowerCase();
  const lines: string[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((line) => lines.push(String(line)) > 0);
  onTestFinished(() => void vi.restoreAllMocks());
  const kiln = await startKiln(
    {
      ...base,
      dataDir,
      mongoUri: inject('mongoUri').replace('/kiln?', `/log-${name}?`),
      temporal: { ...base.temporal, address: inject('temporalAddress'), queuePrefix: `log-${name}` },
    },
    () => {},
  );
  const { apiKey } = JSON.parse(await readFile(kiln.credentialsPath, 'utf8'));
  const client = createSwapmyfileClient(kiln.url, apiKey);
  const cut = (await picture(300, 300)).subarray(0, 200);
  const request = { converterSlug: 'png-to-webp', inputFilename: 'a.png', inputMime: 'image/png' };
  for (let bad = 0; bad < 3; bad += 1) {
    const prepared = await client.prepare({ ...request, inputSize: cut.length });
    await client.upload(prepared, cut);
    expect(await client.ended(prepared.job.jobId)).toMatchObject({
      status: 'failed',
      error: { code: 'CORRUPT_INPUT' },
    });
  }
  await kiln.stop();
  expect(lines).not.toHaveLength(0);
  // As machines get them, or people at a terminal.
  expect(lines.filter((line) => /"level":[4-6]0|^\S+ (?:WARN|ERROR|FATAL)/.test(line))).toEqual([]);
  await rm(dataDir, { recursive: true, force: true });
});
