import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { loadConfig } from '../../../src/config.ts';
import { underDeathSignal } from '../../../src/embedded/process/death-signal.ts';
import { ensureTestServer } from '../../../src/embedded/temporal/test-server.ts';

/** Tells the workflow tests where the time-skipping Temporal server lies; each file starts its own. */
export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const { cacheDir } = loadConfig();
  const server = await ensureTestServer({ cacheDir, onProgress: console.log });
  const folder = await mkdtemp(join(tmpdir(), 'kiln-test-server-'));
  provide('testServerPath', await startedByOnePath(server, folder));
  return () => rm(folder, { recursive: true, force: true });
}

/**
 * Writes a script that runs the server until whoever started it ends, also by kill -9 of a test run.
 * @returns its path: the SDK, which starts the server, takes nothing but a path.
 */
async function startedByOnePath(server: string, folder: string): Promise<string> {
  const { program, args } = await underDeathSignal('KILL', server, []);
  const path = join(folder, 'start-test-server');
  await writeFile(path, `#!/bin/sh\nexec ${[program, ...args].map(quoted).join(' ')} "$@"\n`, {
    mode: 0o755,
  });
  return path;
}

/** For a shell. */
const quoted = (word: string) => `'${word.replaceAll("'", String.raw`'\''`)}'`;

declare module 'vitest' {
  interface ProvidedContext {
    testServerPath: string;
  }
}
