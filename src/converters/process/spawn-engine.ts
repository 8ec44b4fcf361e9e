import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import type { EngineLimits } from './engine-limits.ts';
import { sandboxPrefix } from './sandbox.ts';

const WATCH_MS = 50;
const PAGE_BYTES = 4096;
const DIAGNOSTIC_CHARACTERS = 2000;

/** How an engine process is started. */
export interface EngineProcessSettings {
  /** Absolute path of its program. */
  program: string;
  /** Its HOME and temporary folder. */
  scratchDir: string;
  limits: EngineLimits;
}

/** Starts the program inside the sandbox, with a message channel and next to no environment. */
export function spawnEngine({ program, scratchDir, limits }: EngineProcessSettings): ChildProcess {
  const [command = process.execPath, ...args] = [...sandboxPrefix(limits), process.execPath, program];
  return spawn(command, args, {
    cwd: scratchDir,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // Passes nothing of the service's own environment, which holds keys.
    env: {
      PATH: process.env.PATH,
      HOME: scratchDir,
      TMPDIR: scratchDir,
      XDG_CACHE_HOME: scratchDir,
      MALLOC_ARENA_MAX: '2',
      VIPS_WARNING: '0',
    },
  });
}

/** Collects standard error; returns a function that gives its last 2,000 characters. */
export function collectDiagnostics(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-DIAGNOSTIC_CHARACTERS);
  });
  return () => text.trim();
}

/** Looks at the resident memory every 50 ms, and calls `onExcess` each time that it exceeds `maxBytes`. */
export function watchMemory(child: ChildProcess, maxBytes: number, onExcess: () => void): NodeJS.Timeout {
  return setInterval(async () => {
    if ((await residentBytes(child.pid)) > maxBytes) onExcess();
  }, WATCH_MS);
}

/**
 * Returns the resident memory in bytes; 0 where the system does not say. proc(5): the second figure of statm
 * counts pages.
 */
export async function residentBytes(pid: number | undefined): Promise<number> {
  if (process.platform !== 'linux') return 0;
  const statm = await readFile(`/proc/${pid}/statm`, 'utf8').catch(() => '');
  return Number(statm.split(' ')[1] ?? 0) * PAGE_BYTES;
}
