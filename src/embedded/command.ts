import { type ExecFileException, execFile } from 'node:child_process';
import { RungUnavailable } from './ladder.ts';

const MAX_OUTPUT_BYTES = 1024 * 1024;

/**
 * Runs a short command, found on PATH, to its end and gives its standard output.
 * @throws RungUnavailable when it is missing, fails or takes too long.
 */
export function runCommand(program: string, args: readonly string[], timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT_BYTES } as const;
    const child = execFile(program, [...args], options, (error, stdout) => {
      if (error) reject(new RungUnavailable(describeFailure(program, error), { cause: error }));
      else resolve(stdout);
    });
    child.stdin?.end();
  });
}

function describeFailure(program: string, error: ExecFileException): string {
  if (error.code === 'ENOENT') return `${program} is not installed`;
  if (error.killed) return `${program} did not finish in time`;
  return `${program} failed (${error.signal ?? `exit code ${error.code}`})`;
}
