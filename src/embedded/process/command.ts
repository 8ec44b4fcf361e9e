import { type ExecFileException, execFile } from 'node:child_process';
import { RungAbsent, RungUnavailable } from '../ladder.ts';
import { describeExit } from './exit.ts';

const MAX_OUTPUT_BYTES = 1024 * 1024;

/**
 * Runs a short command, found on PATH, to its end and gives its standard output.
 * @throws RungUnavailable when it is missing, fails or takes too long.
 */
export function runCommand(program: string, args: readonly string[], timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT_BYTES } as const;
    const child = execFile(program, [...args], options, (error, stdout) => {
      if (error) reject(toUnavailable(program, error));
      else resolve(stdout);
    });
    child.stdin?.end();
  });
}

function toUnavailable(program: string, cause: ExecFileException): RungUnavailable {
  if (cause.code === 'ENOENT') return new RungAbsent(`${program} is not installed`, { cause });
  if (cause.killed) return new RungUnavailable(`${program} did not finish in time`, { cause });
  return new RungUnavailable(`${program} failed (${describeExit(cause.code, cause.signal)})`, { cause });
}
