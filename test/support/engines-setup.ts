import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { loadConfig } from '../../src/config.ts';
import { startEmbedded } from '../../src/embedded/embedded.ts';
import { ATTRIBUTES } from '../../workflows/search-attributes.ts';

/**
 * One Temporal and one MongoDB for all test files, unless the environment names others.
 * Each file takes a database and a queue prefix of its own.
 */
export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const { cacheDir, mongoUri, temporal } = loadConfig();
  const dataDir = await mkdtemp(join(tmpdir(), 'kiln-test-'));
  const engines = await startEmbedded({
    dataDir,
    cacheDir,
    needTemporal: temporal.address === undefined,
    needMongo: mongoUri === undefined,
    searchAttributes: Object.values(ATTRIBUTES).map(({ name }) => name),
    temporalSynchronous: 'NORMAL',
    onProgress: console.log,
    onDeath: (engine, detail) => console.error(`${engine} ended by itself: ${detail}`),
  });
  provide('mongoUri', mongoUri ?? engines.mongoUri ?? '');
  provide('temporalAddress', temporal.address ?? engines.temporalAddress ?? '');
  return async () => {
    await engines.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
}

declare module 'vitest' {
  interface ProvidedContext {
    mongoUri: string;
    temporalAddress: string;
  }
}
