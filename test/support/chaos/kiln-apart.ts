import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { newAccountKey } from '../service/client.ts';
import { MARK, markedProcesses, newDataDir, removeDataDir, until } from '../service/kiln-process.ts';
import { startEngineApart } from './engine-apart.ts';
import { openForwarder } from './forwarder.ts';
import type { MortalKiln } from './whole-kiln.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const READY_MS = 120_000;
const GONE_MS = 40_000;
/** Pause before an ended process is started again, as a supervisor does. */
const AGAIN_MS = 1000;

type Part = 'server' | 'worker';

export type KilnApart = Awaited<ReturnType<typeof startKilnApart>>;

/** Starts API, worker and both engines, each as a process of its own that can be stopped alone. */
export async function startKilnApart(mark: string, env: Record<string, string> = {}) {
  const folder = await newDataDir();
  const dataDir = join(folder, 'kiln');
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const adminToken = randomBytes(24).toString('hex');
  const [temporal, mongodb] = await Promise.all([
    startEngineApart('temporal', folder),
    startEngineApart('mongodb', folder),
  ]);
  const mongoUri = `mongodb://127.0.0.1:${mongodb.port}/kiln?directConnection=true`;
  const temporalAddress = `127.0.0.1:${temporal.port}`;
  const environment: NodeJS.ProcessEnv = {
    ...process.env,
    [MARK]: mark,
    KILN_DATA_DIR: dataDir,
    KILN_PORT: String(port),
    KILN_PUBLIC_URL: url,
    KILN_MASTER_KEY: randomBytes(32).toString('base64'),
    KILN_ADMIN_TOKEN: adminToken,
    KILN_LOG_LEVEL: 'warn',
    KILN_ALLOWED_NETWORKS: '127.0.0.0/8',
    MONGODB_URI: mongoUri,
    TEMPORAL_ADDRESS: temporalAddress,
    ...env,
  };
  const children = new Map<Part, ChildProcess>();
  const output: string[] = [];
  /** The last output of parts that ended by themselves. */
  const fallen: string[] = [];
  let stopping = false;

  async function launch(part: Part): Promise<void> {
    const child = spawn(process.execPath, [join(ROOT, 'src/process', `${part}.ts`)], {
      cwd: ROOT,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        said += chunk;
        output.push(`${part}: ${chunk}`);
      });
    children.set(part, child);
    child.once('exit', (code, signal) => {
      if (stopping || signal === 'SIGKILL') return;
      fallen.push(`${part} ended with ${code}: ${said.slice(-400)}`);
      void launchAgain(part);
    });
    await until(
      () => said.includes('is ready') || child.exitCode !== null,
      READY_MS,
      () => said,
    );
  }

  async function launchAgain(part: Part): Promise<void> {
    await sleep(AGAIN_MS);
    // A start that fails while an engine is away is tried again, too.
    if (!stopping) await launch(part).catch(() => {});
  }

  await launch('server');
  await launch('worker');
  const apiKey = await newAccountKey(
    { url, credentials: { adminToken, apiKey: '', account: '', url } },
    'pro',
  );

  const kiln: MortalKiln = {
    victims: ['worker'],
    dataDir,
    url,
    apiKey,
    mongoUri,
    temporalAddress,
    kill: () => void children.get('worker')?.kill('SIGKILL'),

    async restart() {
      const dead = children.get('worker');
      if (dead && dead.exitCode === null && dead.signalCode === null) await once(dead, 'exit');
      await launch('worker');
      return [];
    },

    async stop() {
      stopping = true;
      for (const child of children.values()) child.kill('SIGTERM');
      const left = () => markedProcesses(mark);
      await until(() => left().length === 0, GONE_MS).catch(() => {});
      const leftovers = left().map(({ pid, command }) => `${pid} ${command.slice(0, 120)}`);
      await Promise.all([temporal.stop(), mongodb.stop()]);
      await removeDataDir(folder);
      return leftovers;
    },
  };
  return Object.assign(kiln, { engines: { temporal, mongodb }, fallen, output });
}

/** Returns a free port, which the server keeps over restarts. */
async function freePort(): Promise<number> {
  const forwarder = await openForwarder();
  await forwarder.close();
  return forwarder.port;
}
