import { type ExecFileException, execFile } from 'node:child_process';
import { ProviderAbsent, ProviderUnavailable } from '../fallback-chain.ts';
import { describeExit } from './exit.ts';

const MAX_OUTPUT_BYTES = 1024 * 1024;

/**
 * Runs a command of PATH to its end and returns its standard output.
 * @throws ProviderAbsent if it is missing, ProviderUnavailable if it fails or takes too long.
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

function toUnavailable(program: string, cause: ExecFileException): ProviderUnavailable {
  if (cause.code === 'ENOENT') return new ProviderAbsent(`${program} is not installed`, { cause });
  if (cause.killed) return new ProviderUnavailable(`${program} did not finish in time`, { cause });
  return new ProviderUnavailable(`${program} failed (${describeExit(cause.code, cause.signal)})`, { cause });
}
