import { mkdir } from 'node:fs/promises';
import { ConversionError } from '../domain/errors.ts';
import type { EngineRegistry } from './engine-process.ts';
import { createKeeper } from './keeper.ts';
import { createEngineRegistry, sweepLeftovers } from './leftovers.ts';
import { type MongoServer, startMongo } from './mongodb.ts';
import { acquireOwnership } from './ownership.ts';
import { type RungMemory, readRungs, writeRungs } from './rung-memory.ts';
import { startTemporal, type TemporalServer } from './temporal.ts';
import { provideTemporal } from './temporal-binary.ts';
import { TEMPORAL_DOWNLOADS } from './versions.ts';

export interface EmbeddedOptions {
  dataDir: string;
  cacheDir: string;
  needTemporal: boolean;
  needMongo: boolean;
  /** Names of keyword search attributes for Temporal. */
  searchAttributes: readonly string[];
  temporalSynchronous: 'NORMAL' | 'FULL';
  /** Temporal's namespace; "default" unless given. */
  temporalNamespace?: string;
  /** Base URLs to download from instead of the publishers'. */
  sources?: { temporal?: string; mongod?: string };
  /** One line for a person. */
  onProgress: (line: string) => void;
  /** An engine or its keeper ended by itself; what is left should stop. */
  onDeath: (engine: string, detail: string) => void;
}

/** Which engine runs here, and where it came from. */
export interface RunningEngine {
  engine: 'Temporal' | 'MongoDB';
  rung: string;
  version: string;
}

export interface Embedded {
  temporalAddress: string | undefined;
  temporalUi: string | undefined;
  mongoUri: string | undefined;
  engines: RunningEngine[];
  /** All ports of the engines: nothing from outside may be led to them. */
  ports: number[];
  /** Temporal first, then the database that it does not depend on but the app does, then the keeper. */
  stop(): Promise<void>;
}

/**
 * Starts the engines that are not configured elsewhere and waits until they answer.
 * @throws ConversionError WRONG_STATE when another process has the data folder, UNAVAILABLE when an
 * engine cannot be provided.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  await mkdir(options.dataDir, { recursive: true });
  const release = await own(options.dataDir);
  try {
    return await startOwned(options, release);
  } catch (error) {
    await release();
    throw error;
  }
}

async function own(dataDir: string): Promise<() => Promise<void>> {
  const ownership = await acquireOwnership(dataDir);
  if (ownership.owned) return ownership.release;
  const { owner } = ownership;
  const where = owner
    ? `already runs on this data folder, at ${owner.url} (process ${owner.pid})`
    : 'is just starting on this data folder';
  throw new ConversionError('WRONG_STATE', `Kiln ${where}.`, {
    hint: 'Use that one, stop it first, or choose another folder with KILN_DATA_DIR.',
  });
}

async function startOwned(options: EmbeddedOptions, release: () => Promise<void>): Promise<Embedded> {
  const { dataDir, onProgress } = options;
  const swept = await sweepLeftovers(dataDir);
  if (swept > 0) onProgress(`Ended ${swept} engine(s) that an earlier run had left behind`);
  const remembered = await readRungs(dataDir);
  let stopping = false;
  const reportDeath = (engine: string, detail: string) => {
    if (!stopping) options.onDeath(engine, detail);
  };
  const keeper = createKeeper((detail) => reportDeath('Engine keeper', detail));
  const registry = createEngineRegistry(dataDir, keeper);
  try {
    const [temporal, mongo] = await bothOrNeither(
      options.needTemporal ? provideAndStartTemporal(options, remembered, registry) : undefined,
      options.needMongo ? provideAndStartMongo(options, remembered, registry) : undefined,
    );
    await writeRungs(dataDir, {
      ...remembered,
      ...rungOf('temporal', temporal),
      ...rungOf('mongodb', mongo),
    });
    const started = [temporal, mongo].filter((engine) => engine !== undefined);
    for (const { running, server } of started) {
      onProgress(`${running.engine} ${running.version} runs (${running.rung})`);
      server.process.ended.then((detail) => reportDeath(running.engine, detail));
    }
    return {
      temporalAddress: temporal?.server.address,
      temporalUi: temporal?.server.ui,
      mongoUri: mongo?.server.uri,
      engines: started.map(({ running }) => running),
      ports: started.flatMap(({ server }) => server.ports),
      async stop() {
        stopping = true;
        for (const { server } of started) await server.process.stop();
        await keeper.stop();
        await release();
      },
    };
  } catch (error) {
    stopping = true;
    await keeper.stop();
    throw error;
  }
}

interface Started<Server> {
  running: RunningEngine;
  server: Server;
}

async function provideAndStartTemporal(
  {
    dataDir,
    cacheDir,
    searchAttributes,
    temporalNamespace,
    temporalSynchronous,
    sources,
    onProgress,
  }: EmbeddedOptions,
  remembered: RungMemory,
  registry: EngineRegistry,
): Promise<Started<TemporalServer>> {
  const writtenBy = remembered.temporal?.version;
  const downloads = sources?.temporal ?? TEMPORAL_DOWNLOADS;
  const { rung, value: binary } = await provideTemporal({ cacheDir, downloads, writtenBy, onProgress });
  const server = await startTemporal({
    program: binary.path,
    dataDir,
    namespace: temporalNamespace ?? 'default',
    searchAttributes,
    synchronous: temporalSynchronous,
    registry,
  });
  return { running: { engine: 'Temporal', rung, version: binary.version }, server };
}

async function provideAndStartMongo(
  { dataDir, cacheDir, sources, onProgress }: EmbeddedOptions,
  { mongodb: remembered }: RungMemory,
  registry: EngineRegistry,
): Promise<Started<MongoServer>> {
  const mongodMirror = sources?.mongod;
  const { rung, value: server } = await startMongo({
    dataDir,
    cacheDir,
    mongodMirror,
    remembered,
    registry,
    onProgress,
  });
  return { running: { engine: 'MongoDB', rung, version: server.version }, server };
}

/** Waits for both before it fails, so that nothing is still starting while the rest is stopped. */
async function bothOrNeither<A, B>(a: Promise<A> | undefined, b: Promise<B> | undefined) {
  await Promise.allSettled([a, b]);
  return Promise.all([a, b]);
}

function rungOf(name: keyof RungMemory, started: Started<unknown> | undefined): RungMemory {
  return started ? { [name]: { rung: started.running.rung, version: started.running.version } } : {};
}
