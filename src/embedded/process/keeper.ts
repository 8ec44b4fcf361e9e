import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { inspectProcess } from '../../../bootstrap/process-table.js';

const PROGRAM = fileURLToPath(new URL('../../../bootstrap/keeper.js', import.meta.url));

/** A process beside ours that ends our engines should we go without a word, for example by kill -9. */
export interface Keeper {
  readonly pid: number;
  /** Hands over a process group by its leader, which was just started. */
  keep(leaderPid: number): void;
  forget(leaderPid: number): void;
  /** Ends whatever is still kept, then the keeper. */
  stop(): Promise<void>;
}

/**
 * Starts a keeper; `onLost` is called when it ends before `stop`. Where the kernel does not tell engines of
 * our death, `count` keepers watch: whoever kills us and one of them has not killed the other.
 */
export function createKeeper(onLost: (detail: string) => void, count = 1): Keeper {
  let stopping = false;
  const lost = (detail: string) => stopping || onLost(detail);
  const children = Array.from({ length: count }, () => startOne(lost));
  const tell = (line: string) => {
    for (const { child } of children) child.stdin.write(line);
  };
  return {
    pid: children[0]?.child.pid ?? 0,
    keep(leaderPid) {
      const started = inspectProcess(leaderPid)?.started;
      if (started) tell(`+ ${leaderPid} ${started}\n`);
    },
    forget: (leaderPid) => tell(`- ${leaderPid}\n`),
    async stop() {
      stopping = true;
      for (const { child } of children) child.stdin.end();
      await Promise.all(children.map(({ ended }) => ended));
    },
  };
}

function startOne(onLost: (detail: string) => void) {
  // A session of its own: neither Ctrl-C nor the kill of our process group reaches it.
  const child = spawn(process.execPath, [PROGRAM], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  // What is written into a lost keeper is no fault of its own: the exit tells.
  child.stdin.on('error', () => {});
  const ended = once(child, 'exit').then(
    () => onLost('the process that guards the engines is gone'),
    () => onLost('the process that guards the engines could not be started'),
  );
  return { child, ended };
}
