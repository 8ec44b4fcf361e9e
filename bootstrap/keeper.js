// Ends what its owner leaves behind. The owner holds the other end of our standard input and names
// the process groups that it started; when the owner is gone, however it went, the pipe closes.
import { createInterface } from 'node:readline';
import { inspectProcess } from './process-table.js';

/** Time for a database to close its files. */
const GRACE_MS = 1000;
const POLL_MS = 25;

/** Start time by process group; the group's id is its leader's pid. @type {Map<number, string>} */
const groups = new Map();

// A terminal's Ctrl-C or a service manager's SIGTERM is the owner's business: it needs us until it ends.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});

for await (const line of createInterface({ input: process.stdin })) obey(line);
await endGroups();

/**
 * `+ <group> <start time>` keeps a group, `- <group>` forgets it.
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

/** The start time keeps us from ever hitting a stranger that was given the same pid. */
function living() {
  return [...groups].filter(([group, started]) => inspectProcess(group)?.started === started);
}

/** @param {NodeJS.Signals} signal */
function signalLiving(signal) {
  for (const [group] of living()) {
    try {
      process.kill(-group, signal);
    } catch {
      // It ended between the look and the kill.
    }
  }
}
