import { afterAll, beforeAll, expect, it } from 'vitest';
import { askGraphql } from '../support/service/cli.ts';
import {
  type KilnProcess,
  markedProcesses,
  newDataDir,
  removeDataDir,
  startKilnProcess,
  until,
} from '../support/service/kiln-process.ts';

const MARK = 'e2e-frozen-mongodb';
/** An answer that comes later than this came too late for whoever waited; a busy machine needs some of it. */
const FAST_MS = 15_000;

let kiln: KilnProcess;
beforeAll(async () => {
  kiln = await startKilnProcess({ dataDir: await newDataDir(), mark: MARK });
});
afterAll(async () => {
  await kiln?.stop();
  await removeDataDir(kiln.dataDir);
});

function mongodbPid(): number {
  const found = markedProcesses(MARK).find(({ command }) => /EmbeddedMongo|mongod /.test(command));
  if (!found) throw new Error('MongoDB does not run.');
  return found.pid;
}

const request = JSON.stringify({
  converterSlug: 'png-to-webp',
  inputFilename: 'a.png',
  inputMime: 'image/png',
  inputSize: 100,
});
const json = () => ({ 'X-API-Key': kiln.credentials.apiKey, 'Content-Type': 'application/json' });
const graphql = (query: string) =>
  ['/graphql', { method: 'POST', headers: json(), body: JSON.stringify({ query }) }] as const;

it.skipIf(process.platform !== 'linux')(
  'every API says 503 and when to come back while MongoDB is frozen, and serves again afterwards',
  async () => {
    const prepare = { method: 'POST', headers: json(), body: request };
    const prepared = await fetch(`${kiln.url}/uploads/prepare`, prepare);
    const { job, upload } = (await prepared.json()) as {
      job: { jobId: string };
      upload: { url: string; completeUrl: string };
    };
    const calls: (readonly [string, RequestInit])[] = [
      ['/uploads/prepare', prepare],
      [`/jobs/${job.jobId}`, { headers: json() }],
      [new URL(upload.url).pathname, { method: 'PUT', body: Buffer.alloc(100) }],
      [new URL(upload.completeUrl).pathname, { method: 'POST' }],
      graphql('{ jobs { edges { cursor } } }'),
      graphql(`mutation { cancelJob(id: "${job.jobId}") { __typename } }`),
    ];
    const pid = mongodbPid();
    process.kill(pid, 'SIGSTOP');
    try {
      // At once, while connections are thought to be well, and again when the driver knows that they are not.
      for (let round = 0; round < 2; round += 1) {
        await Promise.all(
          calls.map(async ([path, init]) => {
            const began = performance.now();
            const answer = await fetch(`${kiln.url}${path}`, init);
            const ms = performance.now() - began;
            expect({ path, status: answer.status }).toEqual({ path, status: 503 });
            expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
            expect(ms, path).toBeLessThan(FAST_MS);
          }),
        );
        expect((await fetch(`${kiln.url}/health`)).status).toBe(200);
      }
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await until(
      async () => 'data' in ((await askGraphql(kiln.url, '{ jobs { edges { cursor } } }', json())) as object),
      60_000,
    );
    expect((await fetch(`${kiln.url}/uploads/prepare`, prepare)).ok).toBe(true);
  },
);
