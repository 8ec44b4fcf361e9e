import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createConversions } from '../src/cli/commands/jobs/conversions.ts';
import type { Service } from '../src/cli/service-client/graphql-client.ts';

const READY = /Kiln is ready at/;
const START_MS = 120_000;
const root = join(import.meta.dirname, '..');

/** A service in a process of its own, so that it shares no thread with its callers. */
export interface KilnProcess extends Service {
  /** Process id of API and worker. */
  pid: number;
  stop(): Promise<void>;
}

/** Starts Kiln as `npm start` does, on a free port and a data folder of its own. */
export async function startKilnProcess(dataDir: string): Promise<KilnProcess> {
  const child = spawn(process.execPath, [join(root, 'src/process/start.ts')], {
    cwd: root,
    env: { ...process.env, KILN_DATA_DIR: dataDir, KILN_PORT: '0', KILN_LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await readiness(child);
  const { pid } = JSON.parse(await readFile(join(dataDir, 'run.json'), 'utf8'));
  const { url, apiKey } = JSON.parse(await readFile(join(dataDir, 'credentials.json'), 'utf8'));
  return {
    pid,
    url,
    apiKey,
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function readiness(child: ChildProcess): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new Error('Kiln was not ready in time.')), START_MS);
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk;
    if (READY.test(output)) resolve();
  });
  child.once('exit', (code) => reject(new Error(`Kiln ended with ${code} before it was ready:\n${output}`)));
  try {
    await promise;
  } catch (error) {
    child.kill('SIGTERM');
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Stores a file and returns its id, for benches that begin with a stored file. */
export async function storeFile(
  kiln: KilnProcess,
  { filename, mime, bytes }: { filename: string; mime: string; bytes: Uint8Array<ArrayBuffer> },
): Promise<string> {
  const conversions = createConversions(kiln);
  const upload = await conversions.prepareUpload({ filename, mime, size: bytes.length });
  await conversions.send(upload, bytes);
  await conversions.completeUpload(upload.id);
  await conversions.close();
  return upload.fileId;
}
