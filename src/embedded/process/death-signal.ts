import { runCommand } from './command.ts';

const PROGRAM = 'setpriv';
const TRIAL_MS = 10_000;

let known: Promise<boolean> | undefined;

/** Whether a process can ask the kernel here for a signal at its parent's death (Linux with util-linux). */
export function hasDeathSignal(): Promise<boolean> {
  known ??= runCommand(PROGRAM, ['--pdeathsig', 'KILL', 'true'], TRIAL_MS).then(
    () => true,
    () => false,
  );
  return known;
}

/**
 * The command line that starts a program so that the kernel ends it when we end, however that happens and
 * whoever else was killed with us; the command as it is where that cannot be had.
 */
export async function underDeathSignal(
  signal: 'TERM' | 'KILL',
  program: string,
  args: readonly string[],
): Promise<{ program: string; args: readonly string[] }> {
  if (!(await hasDeathSignal())) return { program, args };
  return { program: PROGRAM, args: ['--pdeathsig', signal, program, ...args] };
}
