import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { inspectProcess } from '../../../bootstrap/process-table.js';
import { createReaper } from '../../../src/embedded/process/reaper.ts';
import { isAlive, until } from '../stand-ins.ts';

const REAPER = join(import.meta.dirname, '..', '..', '..', 'bootstrap', 'reaper.js');

/** Starts a group of two processes; the leader of a stubborn one ignores SIGTERM. */
function startGroup({ stubborn = false } = {}): number {
  const script = `${stubborn ? "trap '' TERM; " : ''}sleep 300 & while :; do sleep 0.1; done`;
  const child = spawn('sh', ['-c', script], { detached: true, stdio: 'ignore' });
  onTestFinished(() => endGroup(child));
  return child.pid ?? 0;
}

function endGroup({ pid }: ChildProcess): void {
  try {
    process.kill(-(pid ?? 0), 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

function groupIsAlive(group: number): boolean {
  try {
    process.kill(-group, 0);
    return true;
  } catch {
    return false;
  }
}

/** Starts a reaper whose owner is this test, by its standard input. */
function startReaper() {
  const child = spawn(process.execPath, [REAPER], { stdio: ['pipe', 'ignore', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return {
    child,
    tell: (line: string) => child.stdin.write(`${line}\n`),
    loseOwner: () => child.stdin.end(),
  };
}

/** Whether a process has handlers for SIGHUP, SIGINT and SIGTERM: bits 0, 1 and 14 of SigCgt in proc(5). */
function catchesStopSignals(pid: number): boolean {
  const mask = /^SigCgt:\s*(\w+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
  return (BigInt(`0x${mask}`) & 0x4003n) === 0x4003n;
}

const started = (pid: number) => inspectProcess(pid)?.started;

describe('the reaper', () => {
  it('ends the whole group, then itself, when its owner is gone', async () => {
    const [polite, stubborn] = [startGroup(), startGroup({ stubborn: true })];
    const reaper = startReaper();
    for (const group of [polite, stubborn]) reaper.tell(`+ ${group} ${started(group)}`);
    reaper.loseOwner();
    await until(() => !groupIsAlive(polite) && !groupIsAlive(stubborn), 5000);
    await until(() => reaper.child.exitCode === 0, 5000);
  });

  it('leaves alone a group that it was told to forget, and one that only has the pid of a watched one', async () => {
    const [forgotten, stranger] = [startGroup(), startGroup()];
    const reaper = startReaper();
    reaper.tell(`+ ${forgotten} ${started(forgotten)}`);
    reaper.tell(`- ${forgotten}`);
    reaper.tell(`+ ${stranger} 12345`);
    reaper.loseOwner();
    await until(() => reaper.child.exitCode === 0, 5000);
    expect([forgotten, stranger].map(isAlive)).toEqual([true, true]);
  });

  it('outlives the signals that stop its owner', async () => {
    const reaper = startReaper();
    const group = startGroup();
    reaper.tell(`+ ${group} ${started(group)}`);
    await until(() => catchesStopSignals(reaper.child.pid ?? 0), 10_000);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) reaper.child.kill(signal);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect([reaper.child.exitCode, reaper.child.signalCode]).toEqual([null, null]);
    reaper.loseOwner();
    await until(() => !groupIsAlive(group), 5000);
  });
});

describe('the owner', () => {
  it('hears of the reaper being killed', async () => {
    const lost = Promise.withResolvers<string>();
    const reaper = createReaper(lost.resolve);
    process.kill(reaper.pid, 'SIGKILL');
    expect(await lost.promise).toContain('gone');
  });

  it('has a second reaper where the kernel does not help, and killing one of them saves no engine', async () => {
    const reports: string[] = [];
    const reaper = createReaper((detail) => reports.push(detail), 2);
    const group = startGroup();
    reaper.watch(group);
    process.kill(reaper.pid, 'SIGKILL');
    await until(() => reports.length === 1);
    expect(groupIsAlive(group)).toBe(true);
    await reaper.stop();
    await until(() => !groupIsAlive(group), 5000);
    expect(reports).toHaveLength(1);
  });

  it('hears nothing when it stops the reaper itself', async () => {
    const reports: string[] = [];
    const reaper = createReaper((detail) => reports.push(detail));
    const group = startGroup();
    reaper.watch(group);
    await reaper.stop();
    expect(reports).toEqual([]);
    await until(() => !groupIsAlive(group), 5000);
  });
});
