import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { inspectProcess } from '../../bootstrap/process-table.js';
import { loadConfig } from '../../src/config.ts';
import type { EmbeddedOptions } from '../../src/embedded/embedded.ts';

/** Returns options for real engines, from the cache that all tests on this machine share. */
export const cacheDir: string = loadConfig().cacheDir;

export function realEngines(dataDir: string, options: Partial<EmbeddedOptions> = {}): EmbeddedOptions {
  return {
    dataDir,
    cacheDir,
    needTemporal: true,
    needMongo: true,
    searchAttributes: ['KilnTest'],
    temporalSynchronous: 'NORMAL',
    onProgress: () => {},
    onDeath: () => {},
    ...options,
  };
}

interface Owner {
  child: ChildProcess;
  mongoUri: string;
  /** The next line that it prints. */
  nextLine(): Promise<string>;
}

/** Starts another process that owns engines. */
export async function startOwner(dataDir: string): Promise<Owner> {
  const program = join(import.meta.dirname, 'owner.ts');
  const child = spawn(process.execPath, [program, dataDir, cacheDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async () => (await lines.next()).value ?? '';
  const { mongoUri } = JSON.parse(await nextLine());
  return { child, mongoUri, nextLine };
}

export async function killHard(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

interface RecordedEngine {
  engine: string;
  pid: number;
}

/** Returns the engines that the data folder records as running. */
export function recordedEngines(dataDir: string): RecordedEngine[] {
  return JSON.parse(readFileSync(join(dataDir, 'engine-pids.json'), 'utf8'));
}

/** Returns the pids of the children of a process (Linux). */
export function childrenOf(parent: number): number[] {
  const text = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim();
  return text
    ? text
        .split(' ')
        .map(Number)
        .filter((pid) => inspectProcess(pid))
    : [];
}
