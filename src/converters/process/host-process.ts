import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import type { EngineLimits } from './engine-limits.ts';
import { sandboxPrefix } from './sandbox.ts';

const WATCH_MS = 50;
const PAGE_BYTES = 4096;
const DIAGNOSTIC_CHARACTERS = 2000;

/** How a host is started. */
export interface HostSettings {
  /** Absolute path of the host's program. */
  program: string;
  /** HOME and temporary folder of the host. */
  scratchDir: string;
  limits: EngineLimits;
}

/** Starts the program inside the sandbox, with a message channel and next to no environment. */
export function spawnHost({ program, scratchDir, limits }: HostSettings): ChildProcess {
  const [command = process.execPath, ...args] = [...sandboxPrefix(limits), process.execPath, program];
  return spawn(command, args, {
    cwd: scratchDir,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    // Nothing of the service's own environment: it holds keys.
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

/** The last words on standard error, for the log. */
export function collectDiagnostics(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-DIAGNOSTIC_CHARACTERS);
  });
  return () => text.trim();
}

/** Calls back, perhaps more than once, while the process is larger than it may be. */
export function watchMemory(child: ChildProcess, maxBytes: number, onExcess: () => void): NodeJS.Timeout {
  return setInterval(async () => {
    if ((await residentBytes(child.pid)) > maxBytes) onExcess();
  }, WATCH_MS);
}

/** Resident memory; 0 where the system does not say. proc(5): the second figure of statm counts pages. */
export async function residentBytes(pid: number | undefined): Promise<number> {
  if (process.platform !== 'linux') return 0;
  const statm = await readFile(`/proc/${pid}/statm`, 'utf8').catch(() => '');
  return Number(statm.split(' ')[1] ?? 0) * PAGE_BYTES;
}
