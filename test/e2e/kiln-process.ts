import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const root = join(import.meta.dirname, '..', '..');

export interface Credentials {
  url: string;
  apiKey: string;
  account: string;
}

export interface Run {
  pid: number;
  url: string;
  graphql: string;
  temporalAddress: string;
  mongoUri: string;
}

export interface KilnProcess {
  child: ChildProcess;
  dataDir: string;
  url: string;
  credentials: Credentials;
  run: Run;
  output: () => string;
  stop(): Promise<void>;
}

/** Marks every process that a test has started, down to the engines, by its environment. */
export const MARK = 'KILN_TEST_MARK';

export const newDataDir = () => mkdtemp(join(tmpdir(), 'kiln-e2e-'));

export interface StartOptions {
  dataDir: string;
  mark?: string;
  env?: Record<string, string>;
  /** What to run instead of the bootstrap's `start`. */
  command?: [string, ...string[]];
}

/** Starts Kiln as a user does and waits until it says that it is ready. */
export async function startKilnProcess({
  dataDir,
  mark = 'kiln',
  env = {},
  command,
}: StartOptions): Promise<KilnProcess> {
  const [file, ...args] = command ?? [process.execPath, join(root, 'bootstrap', 'kiln.js'), 'start'];
  const { KILN_PORT: _port, npm_lifecycle_event: _event, ...inherited } = process.env;
  const child = spawn(file, args, {
    cwd: root,
    env: {
      ...inherited,
      KILN_DATA_DIR: dataDir,
      KILN_PORT: '0',
      KILN_LOG_LEVEL: 'warn',
      [MARK]: mark,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk));
  await until(
    () => {
      if (child.exitCode !== null) throw new Error(`Kiln ended with ${child.exitCode}:\n${output}`);
      return output.includes('Kiln is ready at');
    },
    90_000,
    () => output,
  );
  const credentials: Credentials = JSON.parse(await readFile(join(dataDir, 'credentials.json'), 'utf8'));
  const run: Run = JSON.parse(await readFile(join(dataDir, 'run.json'), 'utf8'));
  return {
    child,
    dataDir,
    url: credentials.url,
    credentials,
    run,
    output: () => output,
    async stop() {
      child.kill('SIGTERM');
      await until(
        () => child.exitCode !== null || child.signalCode !== null,
        40_000,
        () => output,
      );
    },
  };
}

export async function removeDataDir(dataDir: string): Promise<void> {
  await rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

/** Polls until `check` is true. */
export async function until(
  check: () => boolean | Promise<boolean>,
  timeoutMs: number,
  explain: () => string = () => '',
): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`Not within ${timeoutMs} ms. ${explain()}`);
    await sleep(50);
  }
}

export interface MarkedProcess {
  pid: number;
  ppid: number;
  command: string;
}

/** All living processes whose environment carries this mark (Linux). */
export function markedProcesses(mark: string): MarkedProcess[] {
  const found: MarkedProcess[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (!readFileSync(`/proc/${name}/environ`, 'latin1').includes(`${MARK}=${mark}\0`)) continue;
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (fields[0] === 'Z') continue;
      const command = readFileSync(`/proc/${name}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
      found.push({ pid: Number(name), ppid: Number(fields[1]), command });
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}
