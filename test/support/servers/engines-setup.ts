import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { loadConfig } from '../../../src/config.ts';
import { startEmbedded } from '../../../src/embedded/embedded.ts';
import { ATTRIBUTES } from '../../../workflows/search-attributes.ts';
import { startSecondMongo } from './second-mongo.ts';

/** The project of vitest.config.ts that runs on the second server. */
const ON_SECOND_MONGO = 'second-mongo';

/**
 * One Temporal and one MongoDB for all test files of a project, unless the environment names others.
 * Each file takes a database and a queue prefix of its own.
 */
export async function setup({
  name,
  provide,
}: Pick<TestProject, 'name' | 'provide'>): Promise<() => Promise<void>> {
  const { cacheDir, mongoUri: namedUri, temporal } = loadConfig();
  const dataDir = await mkdtemp(join(tmpdir(), 'kiln-test-'));
  const isSecond = name === ON_SECOND_MONGO;
  const second = isSecond ? await startSecondMongo({ dataDir, cacheDir, onProgress: console.log }) : null;
  const mongoUri = second?.uri ?? namedUri;
  // Of what runs on the second server by itself, nothing needs Temporal.
  const usesTemporal = !isSecond || process.env.KILN_TEST_MONGO === 'secantus';
  const engines = await startEmbedded({
    dataDir,
    cacheDir,
    needTemporal: usesTemporal && temporal.address === undefined,
    needMongo: mongoUri === undefined,
    searchAttributes: Object.values(ATTRIBUTES).map(({ name }) => name),
    temporalSynchronous: 'NORMAL',
    onProgress: console.log,
    onDeath: (engine, detail) => console.error(`${engine} ended by itself: ${detail}`),
  });
  provide('isSecondMongo', isSecond);
  provide('mongoUri', mongoUri ?? engines.mongoUri ?? '');
  provide('temporalAddress', temporal.address ?? engines.temporalAddress ?? '');
  return async () => {
    await engines.stop();
    await second?.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
}

declare module 'vitest' {
  interface ProvidedContext {
    mongoUri: string;
    isSecondMongo: boolean;
    temporalAddress: string;
  }
}
