import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { inspectProcess } from '../../../bootstrap/process-table.js';

const PROGRAM = fileURLToPath(new URL('../../../bootstrap/reaper.js', import.meta.url));

/** A separate process that ends our engines if we end without stopping them, for example by kill -9. */
export interface Reaper {
  readonly pid: number;
  /** Adds a process group, by the pid of its leader, which must be running. */
  watch(leaderPid: number): void;
  /** Removes a process group. */
  forget(leaderPid: number): void;
  /** Ends the groups that are still watched, then the reaper. */
  stop(): Promise<void>;
}

/**
 * Starts `count` reapers and calls `onLost` with a sentence for each that ends before `stop`. Two are needed where
 * the kernel cannot signal engines at our death: who kills us and one reaper has not killed the other.
 */
export function createReaper(onLost: (detail: string) => void, count = 1): Reaper {
  let stopping = false;
  const lost = (detail: string) => stopping || onLost(detail);
  const children = Array.from({ length: count }, () => startOne(lost));
  const send = (line: string) => {
    for (const { child } of children) child.stdin.write(line);
  };
  return {
    pid: children[0]?.child.pid ?? 0,
    watch(leaderPid) {
      const started = inspectProcess(leaderPid)?.started;
      if (started) send(`+ ${leaderPid} ${started}\n`);
    },
    forget: (leaderPid) => send(`- ${leaderPid}\n`),
    async stop() {
      stopping = true;
      for (const { child } of children) child.stdin.end();
      await Promise.all(children.map(({ ended }) => ended));
    },
  };
}

function startOne(onLost: (detail: string) => void) {
  // Detached into a session of its own, so that neither Ctrl-C nor a kill of our process group reaches it.
  const child = spawn(process.execPath, [PROGRAM], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  // Ignores errors of writing to a lost reaper: its exit is reported below.
  child.stdin.on('error', () => {});
  const ended = once(child, 'exit').then(
    () => onLost('the process that guards the engines is gone'),
    () => onLost('the process that guards the engines could not be started'),
  );
  return { child, ended };
}
