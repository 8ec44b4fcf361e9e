import { KilnError } from '../domain/errors.ts';
import { type EngineRecord, openEngineRecord } from './engine-record.ts';
import { makeFolder } from './install/make-folder.ts';
import { type PinnedRelease, TEMPORAL_CLI, TEMPORAL_CLI_FORMER } from './install/versions.ts';
import { type MongoServer, startMongo } from './mongodb/mongodb.ts';
import { acquireOwnership } from './ownership.ts';
import { hasDeathSignal } from './process/death-signal.ts';
import { createServerRegistry, sweepLeftovers } from './process/leftovers.ts';
import { listeningPorts } from './process/listening-ports.ts';
import { createReaper } from './process/reaper.ts';
import type { ServerRegistry } from './process/server-process.ts';
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
  /** Releases and mirrors to use instead of the pinned ones. */
  sources?: { temporal?: PinnedRelease; formerTemporal?: readonly PinnedRelease[]; mongodMirror?: string };
  /** Runs once the folder is ours, before any engine starts; a throw ends the start. */
  beforeEngines?: () => Promise<void>;
  /** Receives one line for a person. */
  onProgress: (line: string) => void;
  /** Is called when an engine or the reaper ends by itself: everything else should then stop. */
  onDeath: (engine: string, detail: string) => void;
}

/** An engine that runs here, and where it came from. */
interface RunningEngine {
  engine: 'Temporal' | 'MongoDB';
  provider: string;
  version: string;
}

export interface Embedded {
  temporalAddress: string | undefined;
  temporalUi: string | undefined;
  mongoUri: string | undefined;
  engines: RunningEngine[];
  /** All ports of the engines: requests on behalf of callers must not reach them. */
  ports: number[];
  /** Stops Temporal first, so that no workflow meets a missing database, then MongoDB, then the reaper. */
  stop(): Promise<void>;
}

/**
 * Starts the engines that are not configured elsewhere and waits until they answer.
 * @throws KilnError WRONG_STATE if another process has the data folder, UNAVAILABLE if an engine cannot be
 * provided.
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
  if (swept > 0)
    onProgress(`Ended ${swept === 1 ? 'an engine' : `${swept} engines`} that an earlier run had left behind`);
  const record = await openEngineRecord(dataDir);
  let stopping = false;
  const reportDeath = (engine: string, detail: string) => {
    if (!stopping) options.onDeath(engine, detail);
  };
  const reapers = (await hasDeathSignal()) ? 1 : 2;
  const reaper = createReaper((detail) => reportDeath('Engine reaper', detail), reapers);
  try {
    const registry = createServerRegistry(dataDir, reaper);
    const { temporal, mongo } = await startEngines(options, record, registry);
    const started = [temporal, mongo].filter((engine) => engine !== undefined);
    for (const { running, server } of started) {
      onProgress(`${running.engine} ${running.version} runs (${running.provider})`);
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
        await reaper.stop();
        await release();
      },
    };
  } catch (error) {
    stopping = true;
    await reaper.stop();
    throw error;
  }
}

/**
 * Starts both at once. Waits for both before it throws, so that nothing is still starting while all is
 * stopped.
 */
async function startEngines(options: EmbeddedOptions, record: EngineRecord, registry: ServerRegistry) {
  const engines = [
    options.needTemporal ? provideAndStartTemporal(options, record, registry) : undefined,
    options.needMongo ? provideAndStartMongo(options, record, registry) : undefined,
  ] as const;
  const errors = (await Promise.allSettled(engines)).flatMap((outcome) =>
    outcome.status === 'rejected' ? [outcome.reason] : [],
  );
  if (errors.length > 1) throw joined(errors);
  const [temporal, mongo] = await Promise.all(engines);
  return { temporal, mongo };
}

/** Joins the errors of both engines, so that an operator learns of both at once. */
function joined(errors: readonly unknown[]): KilnError {
  const messages = errors.map((error) => (error instanceof Error ? error.message : String(error)));
  return new KilnError('UNAVAILABLE', messages.join('\n\n'), { cause: new AggregateError(errors) });
}

interface Started<Server> {
  running: RunningEngine;
  server: Server;
}

async function provideAndStartTemporal(
  options: EmbeddedOptions,
  record: EngineRecord,
  registry: ServerRegistry,
): Promise<Started<TemporalServer>> {
  const { dataDir, cacheDir, searchAttributes, temporalSynchronous: synchronous, onProgress } = options;
  const namespace = options.temporalNamespace ?? 'default';
  const recorded = record.known.temporal;
  const { temporal: release = TEMPORAL_CLI, formerTemporal: former = TEMPORAL_CLI_FORMER } =
    options.sources ?? {};
  const writtenBy = recorded?.version;
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
  const known = (isNew ? undefined : recorded?.searchAttributes) ?? searchAttributes;
  const added = searchAttributes.filter((name) => !known.includes(name));
  await addSearchAttributes(program, { address: server.address, namespace }, added);
  const { provider } = provided;
  record.remember({ temporal: { provider, version, searchAttributes: [...searchAttributes] } });
  return { running: { engine: 'Temporal', provider, version }, server };
}

async function provideAndStartMongo(
  { dataDir, cacheDir, sources, onProgress }: EmbeddedOptions,
  record: EngineRecord,
  registry: ServerRegistry,
): Promise<Started<MongoServer>> {
  const mongodMirror = sources?.mongodMirror;
  const { provider, value: server } = await startMongo({
    dataDir,
    cacheDir,
    mongodMirror,
    recorded: record.known.mongodb,
    registry,
    onProgress,
  });
  record.remember({ mongodb: { provider, version: server.version, port: server.ports[0] } });
  return { running: { engine: 'MongoDB', provider, version: server.version }, server };
}

async function portsOf(started: readonly Started<TemporalServer | MongoServer>[]): Promise<number[]> {
  const found = await Promise.all(started.map(({ server }) => listeningPorts(server.process.pid)));
  return [...new Set([...started.flatMap(({ server }) => server.ports), ...found.flat()])];
}
