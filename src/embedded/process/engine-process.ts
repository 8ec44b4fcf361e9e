import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RungUnavailable } from '../ladder.ts';
import { underDeathSignal } from './death-signal.ts';
import { boundLog } from './engine-log.ts';
import { describeExit } from './exit.ts';

const POLL_MS = 50;
/** A database under load takes its time to close its files; killed, it has to recover at the next start. */
const STOP_GRACE_MS = 10_000;

/** The engine ended before it was ready; a port may have been taken, so another try may help. */
export class EngineEnded extends RungUnavailable {}

export interface EngineCommand {
  /** As it is called in messages, for example "Temporal". */
  engine: string;
  program: string;
  args: readonly string[];
  /** What it gets from the kernel when we are gone: TERM for one that closes files, KILL for one that need not. */
  orphanSignal: 'TERM' | 'KILL';
  logPath: string;
  /** Learns of the process the moment it exists and when it has ended. */
  registry: EngineRegistry;
}

/** Whoever makes sure that no engine is left behind. */
export interface EngineRegistry {
  started(engine: string, pid: number): void;
  ended(engine: string, pid: number): void;
}

export interface EngineProcess {
  readonly pid: number;
  /** Settles with a sentence about how it ended. */
  readonly ended: Promise<string>;
  /** SIGTERM to the whole group, SIGKILL after ten seconds. */
  stop(): Promise<void>;
}

/** Starts an engine in a process group of its own; its output goes to its log. */
export async function startEngine(command: EngineCommand): Promise<EngineProcess> {
  const { engine, orphanSignal, logPath, registry } = command;
  const { program, args } = await underDeathSignal(orphanSignal, command.program, command.args);
  await mkdir(dirname(logPath), { recursive: true });
  // Nothing is awaited between the start and the listeners: a quick end must not go unnoticed.
  const log = openSync(logPath, 'a');
  const stopBounding = boundLog(logPath);
  // The open standard input tells an engine that cares that we are still there.
  const child = spawn(program, [...args], { detached: true, stdio: ['pipe', log, log] });
  closeSync(log);
  const { pid } = child;
  if (pid === undefined) {
    const [cause] = await once(child, 'error');
    throw new RungUnavailable(`${engine} could not be started`, { cause });
  }
  registry.started(engine, pid);
  child.stdin?.on('error', () => {});
  const ended = once(child, 'exit').then(([code, signal]) => {
    // A wrapper script may be gone while what it started is not.
    signalGroup(pid, 'SIGKILL');
    registry.ended(engine, pid);
    stopBounding();
    return `it ended with ${describeExit(code, signal)}; the data folder's logs say more`;
  });
  return { pid, ended, stop: () => stopGroup(child, pid, ended) };
}

/**
 * Waits until `probe` succeeds.
 * @throws EngineEnded when the engine ends before, RungUnavailable when it takes too long.
 */
export async function untilReady(
  engine: EngineProcess,
  probe: () => Promise<boolean>,
  timeoutMs: number,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline) {
    const outcome = await Promise.race([engine.ended, probe().catch(() => false)]);
    if (typeof outcome === 'string') throw new EngineEnded(outcome);
    if (outcome) return;
    await sleep(POLL_MS);
  }
  await engine.stop();
  throw new RungUnavailable(`it was not ready within ${timeoutMs / 1000} s`);
}

async function stopGroup(child: ChildProcess, pid: number, ended: Promise<string>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) signalGroup(pid, 'SIGTERM');
  const killer = setTimeout(() => signalGroup(pid, 'SIGKILL'), STOP_GRACE_MS);
  await ended;
  clearTimeout(killer);
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is empty already.
  }
}
