import { spawnSync } from 'node:child_process';
import type { EngineLimits } from './engine-limits.ts';

/** Address space that is V8's and WebAssembly's own, before any picture. */
const RUNTIME_DATA_BYTES = 2 * 2 ** 30;

let networkPrefix: string[] | undefined;
let limitsWork: boolean | undefined;

/**
 * The words in front of a host's command line that take the network and unlimited resources away,
 * as far as this machine allows. Each of them ends in exec, so the process id stays the host's.
 */
export function sandboxPrefix(limits: EngineLimits): string[] {
  if (process.platform !== 'linux') return [];
  limitsWork ??= works(['prlimit', '--core=0']);
  networkPrefix ??=
    [
      ['unshare', '-n'],
      ['unshare', '-rn'],
    ].find(works) ?? [];
  return [...(limitsWork ? prlimit(limits) : []), ...networkPrefix];
}

/** Not the address space: V8 reserves far more of it than it ever uses. */
function prlimit({ maxOutputBytes, maxMemoryBytes }: EngineLimits): string[] {
  return [
    'prlimit',
    '--core=0',
    `--fsize=${maxOutputBytes}`,
    `--data=${maxMemoryBytes + RUNTIME_DATA_BYTES}`,
  ];
}

function works([command = '', ...args]: string[]): boolean {
  return spawnSync(command, [...args, 'true'], { stdio: 'ignore' }).status === 0;
}
