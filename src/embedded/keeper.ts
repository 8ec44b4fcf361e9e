import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { inspectProcess } from '../../bootstrap/process-table.js';

const PROGRAM = fileURLToPath(new URL('../../bootstrap/keeper.js', import.meta.url));

/** A process beside ours that ends our engines should we go without a word, for example by kill -9. */
export interface Keeper {
  readonly pid: number;
  /** Hands over a process group by its leader, which was just started. */
  keep(leaderPid: number): void;
  forget(leaderPid: number): void;
  /** Ends whatever is still kept, then the keeper. */
  stop(): Promise<void>;
}

/** Starts a keeper; `onLost` is called when it ends before `stop`. */
export function createKeeper(onLost: (detail: string) => void): Keeper {
  // A session of its own: neither Ctrl-C nor the kill of our process group reaches it.
  const child = spawn(process.execPath, [PROGRAM], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  const exited = once(child, 'exit');
  let stopping = false;
  // What is written into a lost keeper is no fault of its own: the exit tells.
  child.stdin.on('error', () => {});
  exited.then(
    () => stopping || onLost('the process that guards the engines is gone'),
    () => onLost('the process that guards the engines could not be started'),
  );
  return {
    pid: child.pid ?? 0,
    keep(leaderPid) {
      const started = inspectProcess(leaderPid)?.started;
      if (started) child.stdin.write(`+ ${leaderPid} ${started}\n`);
    },
    forget: (leaderPid) => child.stdin.write(`- ${leaderPid}\n`),
    async stop() {
      stopping = true;
      child.stdin.end();
      await exited;
    },
  };
}
