// Notices the end of npm and its shell. Under `npm start` the chain is npm, a shell, this process, and kill -9
// of npm kills only npm.
import { inspectProcess } from './process-table.js';

const POLL_MS = 500;
const SHELLS = new Set(['sh', 'dash', 'bash', 'ash', 'zsh']);

/**
 * Calls `onGone` once when npm or the shell between it and us has ended. Does nothing outside of npm: there
 * we may be meant to outlive the caller.
 * @param {() => void} onGone
 */
export function watchAncestors(onGone) {
  if (!process.env.npm_lifecycle_event) return;
  const watched = chain();
  const timer = setInterval(() => {
    if (process.ppid === watched[0]?.pid && watched.every(isSame)) return;
    clearInterval(timer);
    onGone();
  }, POLL_MS);
  timer.unref();
}

/** Returns the parent and, if the parent is npm's shell, npm itself. */
function chain() {
  const parent = inspectProcess(process.ppid);
  const npm = parent && SHELLS.has(parent.name) ? inspectProcess(parent.parent) : undefined;
  return [parent, npm].filter((process) => process !== undefined);
}

/** @param {import('./process-table.js').ProcessInfo} known */
function isSame(known) {
  return inspectProcess(known.pid)?.started === known.started;
}
