import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { isRunning } from '../is-running.ts';

const MARK = /(?:^|-)([0-9a-f]{8})\.([0-9a-f]{8})\.(\d+)\.(\d+)(?:-|$)/;

/** Returns a mark for file names: the machine (or container), its boot, and this process by id and start. */
export function processMark(): string {
  return `${machine()}.${boot()}.${process.pid}.${startOf(process.pid) ?? 0}`;
}

/**
 * Whether the process that marked `name` is known to have ended. False for a name without a mark, and for one
 * of another machine or container, whose processes cannot be seen from here.
 */
export function isOfDeadProcess(name: string): boolean {
  const [, itsMachine, itsBoot, pid, start] = MARK.exec(name) ?? [];
  if (itsMachine !== machine()) return false;
  if (itsBoot !== boot() || !isRunning(Number(pid))) return true;
  const now = startOf(Number(pid));
  // Where the system does not say when a process began, an id that was reused looks alive.
  return now !== undefined && now !== Number(start);
}

/** Names the space of process ids: containers with the same name and disk still have ids of their own. */
function machine(): string {
  return short(`${hostname()} ${attempt(() => readlinkSync('/proc/self/ns/pid')) ?? ''}`);
}

function boot(): string {
  return short(attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')) ?? '');
}

/** Returns when a process began, in ticks since the boot; undefined where the system does not say. */
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
