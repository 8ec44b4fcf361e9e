import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const root = join(import.meta.dirname, '../../..');

interface Credentials {
  url: string;
  adminToken: string;
  apiKey: string;
  account: string;
}

interface Run {
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

interface StartOptions {
  dataDir: string;
  mark?: string;
  env?: Record<string, string>;
  /** How long a start may take; 90 s unless given. */
  readyMs?: number;
  /** What to run instead of the bootstrap's `start`. */
  command?: [string, ...string[]];
}

/** Starts Kiln as a user does and waits until it says that it is ready. */
export async function startKilnProcess({
  dataDir,
  mark = 'kiln',
  env = {},
  readyMs = 90_000,
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
    readyMs,
    () => output,
  ).catch((error: unknown) => {
    // Nobody else knows of it.
    child.kill('SIGTERM');
    throw error;
  });
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

export interface LivingProcess {
  pid: number;
  ppid: number;
  /** Tells a process from a later one with the same pid. */
  started: string;
  command: string;
}

/** Living processes whose environment carries this mark, and their descendants (Linux). */
export function markedProcesses(mark: string): LivingProcess[] {
  const all = livingProcesses();
  const found = new Set(all.filter(({ pid }) => hasMark(pid, mark)).map(({ pid }) => pid));
  // Engine processes get an environment of their own, so they are known by their parents only.
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const { pid, ppid } of all) if (found.has(ppid)) found.add(pid);
  }
  return all.filter(({ pid }) => found.has(pid));
}

/** Which of these still live. */
export function survivorsOf(known: LivingProcess[]): LivingProcess[] {
  const living = livingProcesses();
  return known.filter(({ pid, started }) =>
    living.some((other) => other.pid === pid && other.started === started),
  );
}

function livingProcesses(): LivingProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const stat = readProc(name, 'stat');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (stat === '' || fields[0] === 'Z') return [];
      const command = readProc(name, 'cmdline').replaceAll('\0', ' ').trim();
      return [{ pid: Number(name), ppid: Number(fields[1]), started: fields[19] ?? '', command }];
    });
}

function hasMark(pid: number, mark: string): boolean {
  return `\0${readProc(String(pid), 'environ')}`.includes(`\0${MARK}=${mark}\0`);
}

/** Empty when the process has ended while we looked. */
function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}
