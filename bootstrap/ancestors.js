// Under `npm start` the chain is npm, a shell, this process. kill -9 of npm kills only npm, so its
// descendants have to notice by themselves.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

const POLL_MS = 500;
const SHELLS = new Set(['sh', 'dash', 'bash', 'ash', 'zsh']);

/**
 * @typedef {object} Process
 * @property {number} pid
 * @property {number} parent
 * @property {string} name
 * @property {string} started tells a process from a later one with the same pid
 */

/**
 * Calls `onGone` once, when npm or the shell between it and us has ended. Does nothing outside of
 * npm: there the caller may want us to outlive it.
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

/** The parent and, where the parent is only npm's shell, npm itself. */
function chain() {
  const parent = inspect(process.ppid);
  const npm = parent && SHELLS.has(parent.name) ? inspect(parent.parent) : undefined;
  return [parent, npm].filter((process) => process !== undefined);
}

/** @param {Process} known */
function isSame(known) {
  const now = inspect(known.pid);
  return now !== undefined && now.started === known.started && now.parent === known.parent;
}

/**
 * @param {number} pid
 * @returns {Process | undefined} undefined when there is no such process
 */
function inspect(pid) {
  try {
    return process.platform === 'linux' ? inspectProc(pid) : inspectPs(pid);
  } catch {
    return undefined;
  }
}

/**
 * The name stands in parentheses and may hold any character, so fields are counted from behind it: proc(5).
 * @param {number} pid
 */
function inspectProc(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const end = stat.lastIndexOf(')');
  const fields = stat.slice(end + 2).split(' ');
  if (fields[0] === 'Z') return undefined;
  return { pid, name: stat.slice(stat.indexOf('(') + 1, end), parent: Number(fields[1]), started: String(fields[19]) };
}

/** @param {number} pid */
function inspectPs(pid) {
  const line = execFileSync('ps', ['-o', 'ppid=,lstart=,comm=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  const [parent = '', ...rest] = line.split(/\s+/);
  return { pid, parent: Number(parent), started: rest.slice(0, 5).join(' '), name: basename(rest.slice(5).join(' ')) };
}
