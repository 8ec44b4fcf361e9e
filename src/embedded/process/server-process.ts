import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ProviderUnavailable } from '../fallback-chain.ts';
import { underDeathSignal } from './death-signal.ts';
import { boundLog } from './engine-log.ts';
import { describeExit } from './exit.ts';

const POLL_MS = 50;
/** Time for a database under load to close its files; if killed, it has to recover at the next start. */
const STOP_GRACE_MS = 10_000;

/** The server ended before it was ready. Another try may help, since a port may have been taken. */
export class ServerEnded extends ProviderUnavailable {}

/** How to run the server of an embedded engine. */
interface ServerCommand {
  /** Name in messages, for example "Temporal". */
  engine: string;
  program: string;
  args: readonly string[];
  /** Signal from the kernel when we are gone: TERM for a server that must close files, else KILL. */
  orphanSignal: 'TERM' | 'KILL';
  logPath: string;
  /** Is told of the process the moment it exists and when it has ended. */
  registry: ServerRegistry;
}

/** Records which servers run, so that none is left behind. */
export interface ServerRegistry {
  started(engine: string, pid: number): void;
  ended(engine: string, pid: number): void;
}

/** The process of an embedded engine: Temporal's server or MongoDB's. */
export interface ServerProcess {
  readonly pid: number;
  /** Resolves with a sentence about how it ended; never rejects. */
  readonly ended: Promise<string>;
  /** Sends the whole group SIGTERM, and SIGKILL after ten seconds; resolves when it has ended. */
  stop(): Promise<void>;
}

/** Starts a server in a process group of its own, with its output in its log. @throws ProviderUnavailable */
export async function startServerProcess(command: ServerCommand): Promise<ServerProcess> {
  const { engine, orphanSignal, logPath, registry } = command;
  const { program, args } = await underDeathSignal(orphanSignal, command.program, command.args);
  await mkdir(dirname(logPath), { recursive: true });
  // Awaits nothing between the start and the listeners, so that no quick end goes unnoticed.
  const log = openSync(logPath, 'a');
  const stopBounding = boundLog(logPath);
  // Keeps standard input open: some servers end when it closes.
  const child = spawn(program, [...args], { detached: true, stdio: ['pipe', log, log] });
  closeSync(log);
  const { pid } = child;
  if (pid === undefined) {
    const [cause] = await once(child, 'error');
    throw new ProviderUnavailable(`${engine} could not be started`, { cause });
  }
  registry.started(engine, pid);
  child.stdin?.on('error', () => {});
  const ended = once(child, 'exit').then(([code, signal]) => {
    // Kills what an ended wrapper script may have left running.
    signalGroup(pid, 'SIGKILL');
    registry.ended(engine, pid);
    stopBounding();
    return `it ended with ${describeExit(code, signal)}; the data folder's logs say more`;
  });
  return { pid, ended, stop: () => stopGroup(child, pid, ended) };
}

/**
 * Waits until `probe` returns true; false or a throw means not yet.
 * @throws ServerEnded if the server ends before, ProviderUnavailable if it takes longer than `timeoutMs`.
 */
export async function untilReady(
  server: ServerProcess,
  probe: () => Promise<boolean>,
  timeoutMs: number,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline) {
    const outcome = await Promise.race([server.ended, probe().catch(() => false)]);
    if (typeof outcome === 'string') throw new ServerEnded(outcome);
    if (outcome) return;
    await sleep(POLL_MS);
  }
  await server.stop();
  throw new ProviderUnavailable(`it was not ready within ${timeoutMs / 1000} s`);
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
    // The group has no processes left.
  }
}
