import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { isRunning } from '../is-running.ts';

const MARK = /(?:^|-)([0-9a-f]{8})\.([0-9a-f]{8})\.(\d+)\.(\d+)(?:-|$)/;

/** Names the machine (or container), its boot, and this process by id and start, for use in file names. */
export function processMark(): string {
  return `${machine()}.${boot()}.${process.pid}.${startOf(process.pid) ?? 0}`;
}

/**
 * Whether the process that marked `name` is known to have ended. False for names without a mark, and for
 * those of other machines or containers: their processes cannot be seen from here.
 */
export function isOfDeadProcess(name: string): boolean {
  const [, itsMachine, itsBoot, pid, start] = MARK.exec(name) ?? [];
  if (itsMachine !== machine()) return false;
  if (itsBoot !== boot() || !isRunning(Number(pid))) return true;
  const now = startOf(Number(pid));
  // Where the system does not tell when a process began, an id that was given away again looks alive.
  return now !== undefined && now !== Number(start);
}

/** Containers that share a name and a disk still have process ids of their own. */
function machine(): string {
  return short(`${hostname()} ${attempt(() => readlinkSync('/proc/self/ns/pid')) ?? ''}`);
}

function boot(): string {
  return short(attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')) ?? '');
}

/** In ticks since the boot; the program's name before it may hold spaces and brackets. */
function startOf(pid: number): number | undefined {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  return stat === undefined ? undefined : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
}

function short(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
