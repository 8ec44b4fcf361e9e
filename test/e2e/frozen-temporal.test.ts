import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Batches, createBatches } from '../../src/cli/commands/batches/batch-client.ts';
import { type Conversions, createConversions } from '../../src/cli/commands/jobs/conversions.ts';
import { createSwapmyfileClient, picture } from '../support/service/client.ts';
import {
  type KilnProcess,
  markedProcesses,
  newDataDir,
  removeDataDir,
  startKilnProcess,
  until,
} from '../support/service/kiln-process.ts';

const MARK = 'e2e-frozen-temporal';
/** Well below the ten seconds after which a call to Temporal is given up. */
const FAST_MS = 8000;

let kiln: KilnProcess;
let conversions: Conversions;
let batches: Batches;

beforeAll(async () => {
  kiln = await startKilnProcess({ dataDir: await newDataDir(), mark: MARK });
  const service = { url: kiln.url, apiKey: kiln.credentials.apiKey };
  conversions = createConversions(service);
  batches = createBatches(service);
});
afterAll(async () => {
  await conversions?.close();
  await batches?.close();
  await kiln?.stop();
  await removeDataDir(kiln.dataDir);
});

function temporalPid(): number {
  const found = markedProcesses(MARK).find(({ command }) => /temporal.*start-dev/.test(command));
  if (!found) throw new Error('Temporal does not run.');
  return found.pid;
}

/** What a call answers, as long as it does so in time. */
async function fast<T>(call: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const answer = await call();
  expect(performance.now() - began).toBeLessThan(FAST_MS);
  return answer;
}

it.skipIf(process.platform !== 'linux')(
  'whoever asks while Temporal is frozen gets the job, one, and later its result',
  async () => {
    const bytes = await picture(40, 30);
    const upload = { filename: 'a.png', mime: 'image/png', size: bytes.length };
    const swapmyfile = createSwapmyfileClient(kiln.url, kiln.credentials.apiKey);
    const pid = temporalPid();
    process.kill(pid, 'SIGSTOP');
    const jobIds: string[] = [];
    try {
      const created = await fast(() => conversions.create({ upload, target: 'webp' }));
      jobIds.push(created.job.jobId);
      if (!created.upload) throw new Error('The file is not there yet.');
      await conversions.send(created.upload, Uint8Array.from(bytes));
      await fast(() => conversions.complete(created.job.jobId));

      const prepared = await fast(() =>
        swapmyfile.prepare({
          converterSlug: 'png-to-webp',
          inputFilename: 'a.png',
          inputMime: 'image/png',
          inputSize: bytes.length,
        }),
      );
      jobIds.push(prepared.job.jobId);
      await fast(() => swapmyfile.upload(prepared, bytes));

      const batch = await fast(() =>
        batches.create({ label: undefined, archive: false, jobs: [{ upload, target: 'jpg' }] }),
      );
      const [only] = batch.jobs;
      if (!only?.upload) throw new Error('The file is not there yet.');
      jobIds.push(only.job.jobId);
      await conversions.send(only.upload, Uint8Array.from(bytes));
      await fast(() => conversions.complete(only.job.jobId));
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    const view = async () => (await conversions.list(50)).map(({ jobId, status }) => [jobId, status]);
    let last: string[][] = [];
    await until(
      async () => {
        last = await view();
        return last.every(([, status]) => status === 'READY');
      },
      120_000,
      () => JSON.stringify(last),
    );
    expect(last.map(([jobId]) => jobId).sort()).toEqual(jobIds.sort());
  },
);
