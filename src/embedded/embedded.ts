import { KilnError } from '../domain/errors.ts';
import { makeFolder } from './install/make-folder.ts';
import { type PinnedRelease, TEMPORAL_CLI, TEMPORAL_CLI_FORMER } from './install/versions.ts';
import { type MongoServer, startMongo } from './mongodb/mongodb.ts';
import { acquireOwnership } from './ownership.ts';
import { hasDeathSignal } from './process/death-signal.ts';
import type { EngineRegistry } from './process/engine-process.ts';
import { createKeeper } from './process/keeper.ts';
import { createEngineRegistry, sweepLeftovers } from './process/leftovers.ts';
import { listeningPorts } from './process/listening-ports.ts';
import { openRungRecord, type RungRecord } from './rung-memory.ts';
import { addSearchAttributes, startTemporal, type TemporalServer } from './temporal/temporal.ts';
import { provideTemporal } from './temporal/temporal-binary.ts';
import { setAsideTemporal } from './temporal/temporal-data.ts';

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
  /** What to download instead of the pinned releases, and from where. */
  sources?: { temporal?: PinnedRelease; formerTemporal?: readonly PinnedRelease[]; mongodMirror?: string };
  /** Runs when the folder is ours and nothing has been started; a throw ends the start. */
  beforeEngines?: () => Promise<void>;
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
  /** Temporal first, so that no work of its meets a missing database, then MongoDB, then the keeper. */
  stop(): Promise<void>;
}

/**
 * Starts the engines that are not configured elsewhere and waits until they answer.
 * @throws KilnError WRONG_STATE when another process has the data folder, UNAVAILABLE when an
 * engine cannot be provided.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  await makeFolder(options.dataDir);
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
  throw new KilnError('WRONG_STATE', `Kiln ${where}.`, {
    hint: 'Use that one, stop it first, or choose another folder with KILN_DATA_DIR.',
  });
}

async function startOwned(options: EmbeddedOptions, release: () => Promise<void>): Promise<Embedded> {
  const { dataDir, onProgress } = options;
  await options.beforeEngines?.();
  const swept = await sweepLeftovers(dataDir);
  if (swept > 0) onProgress(`Ended ${swept} engine(s) that an earlier run had left behind`);
  const record = await openRungRecord(dataDir);
  let stopping = false;
  const reportDeath = (engine: string, detail: string) => {
    if (!stopping) options.onDeath(engine, detail);
  };
  const keepers = (await hasDeathSignal()) ? 1 : 2;
  const keeper = createKeeper((detail) => reportDeath('Engine keeper', detail), keepers);
  try {
    const registry = createEngineRegistry(dataDir, keeper);
    const { temporal, mongo } = await startEngines(options, record, registry);
    const started = [temporal, mongo].filter((engine) => engine !== undefined);
    for (const { running, server } of started) {
      onProgress(`${running.engine} ${running.version} runs (${running.rung})`);
      void server.process.ended.then((detail) => reportDeath(running.engine, detail));
    }
    return {
      temporalAddress: temporal?.server.address,
      temporalUi: temporal?.server.ui,
      mongoUri: mongo?.server.uri,
      engines: started.map(({ running }) => running),
      ports: await portsOf(started),
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

/** Both at once; a failure waits for the other one, so that nothing is still starting while all is stopped. */
async function startEngines(options: EmbeddedOptions, record: RungRecord, registry: EngineRegistry) {
  const engines = [
    options.needTemporal ? provideAndStartTemporal(options, record, registry) : undefined,
    options.needMongo ? provideAndStartMongo(options, record, registry) : undefined,
  ] as const;
  const faults = (await Promise.allSettled(engines)).flatMap((outcome) =>
    outcome.status === 'rejected' ? [outcome.reason] : [],
  );
  if (faults.length > 1) throw joined(faults);
  const [temporal, mongo] = await Promise.all(engines);
  return { temporal, mongo };
}

/** Who puts one engine right should not have to start again to learn of the other. */
function joined(faults: readonly unknown[]): KilnError {
  const messages = faults.map((fault) => (fault instanceof Error ? fault.message : String(fault)));
  return new KilnError('UNAVAILABLE', messages.join('\n\n'), { cause: new AggregateError(faults) });
}

interface Started<Server> {
  running: RunningEngine;
  server: Server;
}

async function provideAndStartTemporal(
  options: EmbeddedOptions,
  record: RungRecord,
  registry: EngineRegistry,
): Promise<Started<TemporalServer>> {
  const { dataDir, cacheDir, searchAttributes, temporalSynchronous: synchronous, onProgress } = options;
  const namespace = options.temporalNamespace ?? 'default';
  const remembered = record.known.temporal;
  const { temporal: release = TEMPORAL_CLI, formerTemporal: former = TEMPORAL_CLI_FORMER } =
    options.sources ?? {};
  const writtenBy = remembered?.version;
  const provided = await provideTemporal({ release, former, cacheDir, writtenBy, onProgress });
  const { path: program, version } = provided.value;
  const isNew = !provided.opensData && writtenBy !== undefined;
  const notice = isNew ? await setAsideTemporal(dataDir, writtenBy, version) : undefined;
  if (notice) onProgress(notice);
  const server = await startTemporal({
    program,
    dataDir,
    namespace,
    searchAttributes,
    synchronous,
    registry,
  });
  const known = (isNew ? undefined : remembered?.searchAttributes) ?? searchAttributes;
  const added = searchAttributes.filter((name) => !known.includes(name));
  await addSearchAttributes(program, { address: server.address, namespace }, added);
  const { rung } = provided;
  record.remember({ temporal: { rung, version, searchAttributes: [...searchAttributes] } });
  return { running: { engine: 'Temporal', rung, version }, server };
}

async function provideAndStartMongo(
  { dataDir, cacheDir, sources, onProgress }: EmbeddedOptions,
  record: RungRecord,
  registry: EngineRegistry,
): Promise<Started<MongoServer>> {
  const mongodMirror = sources?.mongodMirror;
  const { rung, value: server } = await startMongo({
    dataDir,
    cacheDir,
    mongodMirror,
    remembered: record.known.mongodb,
    registry,
    onProgress,
  });
  record.remember({ mongodb: { rung, version: server.version, port: server.ports[0] } });
  return { running: { engine: 'MongoDB', rung, version: server.version }, server };
}

async function portsOf(started: readonly Started<TemporalServer | MongoServer>[]): Promise<number[]> {
  const found = await Promise.all(started.map(({ server }) => listeningPorts(server.process.pid)));
  return [...new Set([...started.flatMap(({ server }) => server.ports), ...found.flat()])];
}
