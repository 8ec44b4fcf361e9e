// Asks the operating system about a process, without dependencies.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

/**
 * @typedef {object} ProcessInfo
 * @property {number} pid
 * @property {number} parent
 * @property {string} name
 * @property {string} started start time, which differs for a later process with the same pid; holds no blank
 */

/**
 * Describes a running process.
 * @param {number} pid
 * @returns {ProcessInfo | undefined} undefined if there is none, or only a zombie
 */
export function inspectProcess(pid) {
  try {
    return process.platform === 'linux' ? inspectProc(pid) : inspectPs(pid);
  } catch {
    return undefined;
  }
}

/**
 * Reads proc(5)'s stat. The name stands in parentheses and may hold any character, so fields are counted after it.
 * @param {number} pid
 * @returns {ProcessInfo | undefined}
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
 * Runs ps with a fixed language and time zone, so that a process has the same start time for every caller.
 * @param {number} pid
 * @returns {ProcessInfo | undefined}
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
