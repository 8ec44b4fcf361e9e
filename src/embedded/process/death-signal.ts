import { runCommand } from './command.ts';

const PROGRAM = 'setpriv';
const TRIAL_MS = 10_000;

let known: Promise<boolean> | undefined;

/** Whether the kernel can signal a process at its parent's death: on Linux with util-linux. Tried once. */
export function hasDeathSignal(): Promise<boolean> {
  known ??= runCommand(PROGRAM, ['--pdeathsig', 'KILL', 'true'], TRIAL_MS).then(
    () => true,
    () => false,
  );
  return known;
}

/**
 * Wraps a command line so that the kernel sends the program `signal` when we end, however that happens.
 * Returns it unchanged where the kernel cannot do that.
 */
export async function underDeathSignal(
  signal: 'TERM' | 'KILL',
  program: string,
  args: readonly string[],
): Promise<{ program: string; args: readonly string[] }> {
  if (!(await hasDeathSignal())) return { program, args };
  return { program: PROGRAM, args: ['--pdeathsig', signal, program, ...args] };
}
