import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRunning } from '../../is-running.ts';

/** `kiln-hosts-` is how earlier versions named theirs. */
const NAME = /^kiln-(?:engines|hosts)-(\d+)-/;

/**
 * Makes the home folder of this process's engine processes and returns its path; removes those whose owners
 * were killed.
 */
export function createEngineScratch(): string {
  for (const name of readdirSync(tmpdir())) {
    const owner = NAME.exec(name)?.[1];
    if (owner !== undefined && !isRunning(Number(owner))) removeIfOurs(join(tmpdir(), name));
  }
  return mkdtempSync(join(tmpdir(), `kiln-engines-${process.pid}-`));
}

function removeIfOurs(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // The folder is another user's.
  }
}
