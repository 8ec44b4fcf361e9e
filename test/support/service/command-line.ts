import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const MAIN = join(import.meta.dirname, '../../..', 'src/cli/main.ts');

/** The command line against the service of a data folder. */
export function createCommandLine(dataDir: string) {
  /** Runs `kiln` as a script does. */
  async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const env = { ...process.env, KILN_DATA_DIR: dataDir };
    const running = promisify(execFile)(process.execPath, [MAIN, ...args], { env });
    return running.then(
      ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
      ({ code, stdout, stderr }) => ({ code, out: stdout, err: stderr }),
    );
  }

  return {
    run,
    async json(...args: string[]) {
      const { code, out, err } = await run(...args, '--json');
      if (code !== 0) throw new Error(`kiln ${args.join(' ')} ended with ${code}: ${err}`);
      return JSON.parse(out);
    },
  };
}
