import type { TestProject } from 'vitest/node';
import { loadConfig } from '../../../src/config.ts';
import { ensureTestServer } from '../../../src/embedded/temporal/test-server.ts';

/** Tells the workflow tests where the time-skipping Temporal server lies; each file starts its own. */
export async function setup({ provide }: TestProject): Promise<void> {
  const { cacheDir } = loadConfig();
  provide('testServerPath', await ensureTestServer({ cacheDir, onProgress: console.log }));
}

declare module 'vitest' {
  interface ProvidedContext {
    testServerPath: string;
  }
}
