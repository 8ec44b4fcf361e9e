import { spawnSync } from 'node:child_process';
import type { EngineLimits } from './engine-limits.ts';

/** Address space that is V8's and WebAssembly's own, before any picture. */
const RUNTIME_DATA_BYTES = 2 * 2 ** 30;

/** Whether each command works: it may be missing, or forbidden in a container, so each is tried once. */
const probed = new Map<string, boolean>();

/**
 * Returns the words to put before an engine's command line that cut it off from the network, limit its resources
 * and end it with its owner, as far as this machine allows. Each command ends in exec, so the process id is the
 * engine's.
 */
export function sandboxPrefix({ maxOutputBytes, maxMemoryBytes }: EngineLimits): string[] {
  if (process.platform !== 'linux') return [];
  // Does not limit the address space: V8 reserves far more of it than it ever uses.
  const limits = ['--core=0', `--fsize=${maxOutputBytes}`, `--data=${maxMemoryBytes + RUNTIME_DATA_BYTES}`];
  const withoutNetwork =
    [
      ['unshare', '-n'],
      ['unshare', '-rn'],
    ].find(works) ?? [];
  // Needed because a decoder in a busy loop does not notice that its channel was closed.
  const endsWithOwner = ['setpriv', '--pdeathsig', 'KILL'];
  return [
    ...(works(['prlimit', '--core=0']) ? ['prlimit', ...limits] : []),
    ...withoutNetwork,
    ...(works(endsWithOwner) ? endsWithOwner : []),
  ];
}

function works(prefix: string[]): boolean {
  const key = prefix.join(' ');
  const known = probed.get(key) ?? tryOut(prefix);
  probed.set(key, known);
  return known;
}

function tryOut([command = '', ...args]: string[]): boolean {
  return spawnSync(command, [...args, 'true'], { stdio: 'ignore' }).status === 0;
}
