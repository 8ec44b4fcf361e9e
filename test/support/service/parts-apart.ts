import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { loadConfig } from '../../../src/config.ts';
import { startEmbedded } from '../../../src/embedded/embedded.ts';
import { ATTRIBUTES } from '../../../workflows/search-attributes.ts';
import { MARK, markedProcesses, newDataDir, removeDataDir, until } from './kiln-process.ts';

/** A port of 127.0.0.1 that nobody listens on right now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

const root = join(import.meta.dirname, '../../..');

/** One process of Kiln, as it said that it is ready. */
interface Part {
  pid: number;
  output: string;
}

export type PartsApart = Awaited<ReturnType<typeof startPartsApart>>;

/** Engines, on which servers and workers run apart from each other as in production. */
export async function startPartsApart(mark: string) {
  const dataDir = await newDataDir();
  const adminToken = randomBytes(24).toString('hex');
  const masterKey = randomBytes(32).toString('base64');
  // Links of the workers lead to the server, so its address is known before either starts.
  const port = await freePort();
  const children: { command: string; child: ChildProcess }[] = [];
  const engines = await startEmbedded({
    dataDir,
    cacheDir: loadConfig().cacheDir,
    needTemporal: true,
    needMongo: true,
    searchAttributes: Object.values(ATTRIBUTES).map(({ name }) => name),
    temporalSynchronous: 'NORMAL',
    onProgress: () => {},
    onDeath: () => {},
  });

  return {
    dataDir,
    adminToken,

    /** `npm run server` or `npm run worker`. */
    async launch(command: 'server' | 'worker'): Promise<Part> {
      const child = spawn(process.execPath, [join(root, 'src/process', `${command}.ts`)], {
        cwd: root,
        env: {
          ...process.env,
          [MARK]: mark,
          KILN_DATA_DIR: dataDir,
          KILN_PORT: String(port),
          KILN_PUBLIC_URL: `http://127.0.0.1:${port}`,
          KILN_LOG_LEVEL: 'warn',
          KILN_MASTER_KEY: masterKey,
          KILN_ADMIN_TOKEN: adminToken,
          KILN_ALLOWED_NETWORKS: '127.0.0.0/8',
          MONGODB_URI: engines.mongoUri ?? '',
          TEMPORAL_ADDRESS: engines.temporalAddress ?? '',
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      children.push({ command, child });
      let output = '';
      for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk));
      await until(
        () => output.includes('is ready'),
        60_000,
        () => output,
      );
      return { pid: child.pid ?? 0, output };
    },

    /** Lets all workers end as an operator would. */
    endWorkers(): void {
      for (const { command, child } of children) if (command === 'worker') child.kill('SIGTERM');
    },

    async stop(): Promise<void> {
      for (const { child } of children) child.kill('SIGTERM');
      await until(
        () => markedProcesses(mark).length === 0,
        30_000,
        () => JSON.stringify(markedProcesses(mark)),
      );
      await engines.stop();
      await removeDataDir(dataDir);
    },
  };
}
