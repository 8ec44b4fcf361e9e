import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { inspectProcess } from '../../bootstrap/process-table.js';
import { createKeeper } from '../../src/embedded/process/keeper.ts';
import { isAlive, until } from './stand-ins.ts';

const KEEPER = join(import.meta.dirname, '..', '..', 'bootstrap', 'keeper.js');

/** A group of two processes, of which the leader ignores SIGTERM when told so. */
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

/** A keeper whose owner is this test's handle on its standard input. */
function startKeeper() {
  const child = spawn(process.execPath, [KEEPER], { stdio: ['pipe', 'ignore', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return {
    child,
    tell: (line: string) => child.stdin.write(`${line}\n`),
    loseOwner: () => child.stdin.end(),
  };
}

const started = (pid: number) => inspectProcess(pid)?.started;

describe('the keeper', () => {
  it('ends the whole group, then itself, when its owner is gone', async () => {
    const [polite, stubborn] = [startGroup(), startGroup({ stubborn: true })];
    const keeper = startKeeper();
    for (const group of [polite, stubborn]) keeper.tell(`+ ${group} ${started(group)}`);
    keeper.loseOwner();
    await until(() => !groupIsAlive(polite) && !groupIsAlive(stubborn), 5000);
    await until(() => keeper.child.exitCode === 0, 5000);
  });

  it('leaves alone what was taken back and what only has the pid of a kept one', async () => {
    const [forgotten, stranger] = [startGroup(), startGroup()];
    const keeper = startKeeper();
    keeper.tell(`+ ${forgotten} ${started(forgotten)}`);
    keeper.tell(`- ${forgotten}`);
    keeper.tell(`+ ${stranger} 12345`);
    keeper.loseOwner();
    await until(() => keeper.child.exitCode === 0, 5000);
    expect([forgotten, stranger].map(isAlive)).toEqual([true, true]);
  });

  it('outlives the signals that stop its owner', async () => {
    const keeper = startKeeper();
    const group = startGroup();
    keeper.tell(`+ ${group} ${started(group)}`);
    // Its handlers stand once it is idle; a signal before that would prove nothing.
    await new Promise((resolve) => setTimeout(resolve, 500));
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) keeper.child.kill(signal);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect([keeper.child.exitCode, keeper.child.signalCode]).toEqual([null, null]);
    keeper.loseOwner();
    await until(() => !groupIsAlive(group), 5000);
  });
});

describe('the owner', () => {
  it('hears of the keeper being killed', async () => {
    const lost = Promise.withResolvers<string>();
    const keeper = createKeeper(lost.resolve);
    process.kill(keeper.pid, 'SIGKILL');
    expect(await lost.promise).toContain('gone');
  });

  it('has a second keeper where the kernel does not help, and killing one of them saves no engine', async () => {
    const reports: string[] = [];
    const keeper = createKeeper((detail) => reports.push(detail), 2);
    const group = startGroup();
    keeper.keep(group);
    process.kill(keeper.pid, 'SIGKILL');
    await until(() => reports.length === 1);
    expect(groupIsAlive(group)).toBe(true);
    await keeper.stop();
    await until(() => !groupIsAlive(group), 5000);
    expect(reports).toHaveLength(1);
  });

  it('hears nothing when it stops the keeper itself', async () => {
    const reports: string[] = [];
    const keeper = createKeeper((detail) => reports.push(detail));
    const group = startGroup();
    keeper.keep(group);
    await keeper.stop();
    expect(reports).toEqual([]);
    await until(() => !groupIsAlive(group), 5000);
  });
});
