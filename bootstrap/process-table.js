// What the operating system says about a process, without dependencies.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

/**
 * @typedef {object} ProcessFacts
 * @property {number} pid
 * @property {number} parent
 * @property {string} name
 * @property {string} started tells a process from a later one with the same pid; holds no blank
 */

/**
 * Facts of a living process.
 * @param {number} pid
 * @returns {ProcessFacts | undefined} undefined when there is none, or only its unreaped remains
 */
export function inspectProcess(pid) {
  try {
    return process.platform === 'linux' ? inspectProc(pid) : inspectPs(pid);
  } catch {
    return undefined;
  }
}

/**
 * The name stands in parentheses and may hold any character, so fields are counted from behind it: proc(5).
 * @param {number} pid
 * @returns {ProcessFacts | undefined}
 */
function inspectProc(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const end = stat.lastIndexOf(')');
  const fields = stat.slice(end + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
  return {
    pid,
    parent: Number(fields[1]),
    name: stat.slice(stat.indexOf('(') + 1, end),
    started: String(fields[19]),
  };
}

/**
 * The date is printed in the language and the time zone of whoever asks, so they are fixed: the same process
 * has to have the same date for everybody.
 * @param {number} pid
 * @returns {ProcessFacts | undefined}
 */
export function inspectPs(pid) {
  const columns = 'ppid=,state=,lstart=,comm=';
  const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
  const line = execFileSync('ps', ['-o', columns, '-p', String(pid)], { encoding: 'utf8', env }).trim();
  const [parent, state, ...rest] = line.split(/\s+/);
  if (state?.startsWith('Z')) return undefined;
  return {
    pid,
    parent: Number(parent),
    name: basename(rest.slice(5).join(' ')),
    started: rest.slice(0, 5).join('_'),
  };
}
