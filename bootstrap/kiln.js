#!/usr/bin/env node
// Entry point of every command. Plain JavaScript without dependencies: it runs on whatever Node the machine
// has, installs the locked packages, and hands over to the pinned Node.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { watchAncestors } from './ancestors.js';
import { ensureInstalled, pinnedNode, root } from './install.js';
import { refusalFor, thisSystem } from './platform.js';

/** @type {Record<string, string>} */
const ENTRY_POINTS = {
  start: 'src/process/start.ts',
  server: 'src/process/server.ts',
  worker: 'src/process/worker.ts',
  demo: 'src/cli/demo/main.ts',
  bench: 'bench/main.ts',
  test: 'test/run.ts',
};

/** Time for a child to end by SIGTERM after its ancestors are gone; then it is killed. */
const KILL_AFTER_MS = 5000;

/** @param {string[]} commandLine */
async function main(commandLine) {
  const [command = '', ...rest] = commandLine;
  const refusal = refusalFor(thisSystem());
  if (refusal) throw new Error(refusal);
  await ensureInstalled();
  const entry = Object.hasOwn(ENTRY_POINTS, command) ? ENTRY_POINTS[command] : undefined;
  const args = entry ? [join(root, entry), ...rest] : [join(root, 'src/cli/main.ts'), ...commandLine];
  const child = spawn(pinnedNode(), args, {
    stdio: 'inherit',
    env: {
      ...process.env,
      PATH: join(root, 'node_modules', '.bin') + delimiter + process.env.PATH,
      // Keeps compiled code between commands, which halves the time to start one.
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(root, 'node_modules', '.cache', 'compiled'),
    },
  });
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    // Passes every signal on: the child ignores a repeat at once (a terminal signals the whole group).
    process.on(signal, () => child.kill(signal));
  }
  watchAncestors(() => {
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
  });
  child.on('error', (error) => fail(`The pinned Node could not be started: ${error.message}`));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (signal ? constants.signals[signal] : 1)));
}

/** @param {string} message */
function fail(message) {
  process.stderr.write(`kiln: ${message}\n`);
  process.exit(1);
}

main(process.argv.slice(2)).catch((error) => fail(error instanceof Error ? error.message : String(error)));
