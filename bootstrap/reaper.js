// Ends the process groups that its owner leaves behind. The owner names them on our standard input; however
// the owner ends, that pipe closes with it.
import { createInterface } from 'node:readline';
import { inspectProcess } from './process-table.js';

/** Time for a database to close its files. */
const GRACE_MS = 1000;
const POLL_MS = 25;

/** Start time by process group; the group's id is its leader's pid. @type {Map<number, string>} */
const groups = new Map();

// Ignores a terminal's Ctrl-C and a service manager's SIGTERM: the owner needs us until it ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});

for await (const line of createInterface({ input: process.stdin })) obey(line);
await endGroups();

/**
 * `+ <group> <start time>` watches a group, `- <group>` forgets it.
 * @param {string} line
 */
function obey(line) {
  const [verb, group, started = ''] = line.split(' ');
  if (verb === '+') groups.set(Number(group), started);
  else groups.delete(Number(group));
}

async function endGroups() {
  signalLiving('SIGTERM');
  const deadline = Date.now() + GRACE_MS;
  while (living().length > 0 && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  signalLiving('SIGKILL');
}

/**
 * Returns the groups that still run. Compares start times, since another process may have been given the pid.
 */
function living() {
  return [...groups].filter(([group, started]) => inspectProcess(group)?.started === started);
}

/** @param {NodeJS.Signals} signal */
function signalLiving(signal) {
  for (const [group] of living()) {
    try {
      process.kill(-group, signal);
    } catch {
      // The group ended between the check and the kill.
    }
  }
}
