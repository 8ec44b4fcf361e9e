import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { RecordedMongo } from '../engine-record.ts';
import { firstProvided, type Provided, ProviderUnavailable } from '../fallback-chain.ts';
import { isOlder, parseVersion } from '../install/release.ts';
import { MONGO_JAVA_SERVER_VERSION, MONGOD_OLDEST, MONGOD_VERSION } from '../install/versions.ts';
import { runCommand } from '../process/command.ts';
import { startOnFreePorts } from '../process/free-port.ts';
import {
  type ServerProcess,
  type ServerRegistry,
  startServerProcess,
  untilReady,
} from '../process/server-process.ts';
import { javaMongoArguments, provideJavaMongo } from './java-mongo.ts';
import { provideMongod } from './mongod-binary.ts';
import { becomePrimary, REPLICA_SET_FLAGS } from './replica-set.ts';

const READY_TIMEOUT_MS = 60_000;
const VERSION_TIMEOUT_MS = 10_000;
const HINT =
  'To fix it, do one of these: set MONGODB_URI to a running MongoDB; install mongod; allow this machine to ' +
  'reach fastdl.mongodb.org; install Java 17 or newer (a JDK) and Maven.';

interface MongoSettings {
  dataDir: string;
  cacheDir: string;
  mongodMirror: string | undefined;
  /** The engine that wrote this folder's data, if there is any: no other can read it. */
  recorded: RecordedMongo | undefined;
  registry: ServerRegistry;
  onProgress: (line: string) => void;
}

export interface MongoServer {
  process: ServerProcess;
  version: string;
  ports: [number];
  uri: string;
}

/**
 * Starts the first of a mongod on PATH, a downloaded mongod and mongo-java-server that works, or, once there
 * is data, only the one that wrote it.
 * @throws KilnError UNAVAILABLE if none works.
 */
export function startMongo(settings: MongoSettings): Promise<Provided<MongoServer>> {
  const providers = [
    { name: 'mongod on PATH', provide: () => startInstalledMongod(settings) },
    { name: 'downloaded mongod', provide: () => startDownloadedMongod(settings) },
    { name: 'mongo-java-server', provide: () => startJavaMongo(settings) },
  ];
  const { recorded, onProgress } = settings;
  if (!recorded) return firstProvided('MongoDB', providers, HINT, onProgress);
  const hint =
    `The data folder was filled by "${recorded.provider}" ${recorded.version}, and no other engine reads it. ` +
    'Make that one available again, set MONGODB_URI, or use another data folder (KILN_DATA_DIR).';
  const sameProvider = providers.filter(({ name }) => name === recorded.provider);
  return firstProvided('MongoDB', sameProvider, hint, onProgress);
}

async function startInstalledMongod(settings: MongoSettings): Promise<MongoServer> {
  const version = parseVersion(await runCommand('mongod', ['--version'], VERSION_TIMEOUT_MS));
  if (!version) throw new ProviderUnavailable('its version is unknown');
  if (isOlder(version, MONGOD_OLDEST)) {
    throw new ProviderUnavailable(`version ${version} is too old, ${MONGOD_OLDEST} is needed`);
  }
  return startMongod(settings, 'mongod', version);
}

async function startDownloadedMongod(settings: MongoSettings): Promise<MongoServer> {
  const { cacheDir, mongodMirror: mirror, onProgress } = settings;
  return startMongod(settings, await provideMongod({ cacheDir, mirror, onProgress }), MONGOD_VERSION);
}

async function startMongod(settings: MongoSettings, program: string, version: string): Promise<MongoServer> {
  const folder = join(settings.dataDir, 'mongod');
  await mkdir(folder, { recursive: true });
  const flags = ['--dbpath', folder, '--bind_ip', '127.0.0.1', '--nounixsocket', ...REPLICA_SET_FLAGS];
  // An oplog of 128 MB is enough for change streams of one small service; the default is a share of the disk.
  const size = ['--oplogSize', '128', '--wiredTigerCacheSizeGB', '0.5'];
  const server = await startOnFreePort(settings, program, version, (port) => [
    ...flags,
    ...size,
    '--port',
    String(port),
  ]);
  const abort = new AbortController();
  const primary = becomePrimary({
    port: server.ports[0],
    version,
    timeoutMs: READY_TIMEOUT_MS,
    signal: abort.signal,
    onProgress: settings.onProgress,
  });
  try {
    const end = await Promise.race([primary, server.process.ended]);
    if (typeof end === 'string') throw new ProviderUnavailable(end);
    return server;
  } catch (cause) {
    abort.abort();
    await Promise.allSettled([primary, server.process.stop()]);
    if (cause instanceof ProviderUnavailable) throw cause;
    throw new ProviderUnavailable('mongod did not become the primary of its replica set', { cause });
  }
}

async function startJavaMongo(settings: MongoSettings): Promise<MongoServer> {
  const classPath = await provideJavaMongo(settings.cacheDir, settings.onProgress);
  const folder = join(settings.dataDir, 'mongo-java-server');
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'data.mv');
  return startOnFreePort(settings, 'java', MONGO_JAVA_SERVER_VERSION, (port) =>
    javaMongoArguments(classPath, port, file),
  );
}

function startOnFreePort(
  { dataDir, registry, recorded }: MongoSettings,
  program: string,
  version: string,
  argumentsFor: (port: number) => string[],
): Promise<MongoServer> {
  const logPath = join(dataDir, 'logs', 'mongodb.log');
  const start = async ([port = 0]: number[]): Promise<MongoServer> => {
    const process = await startServerProcess({
      engine: 'MongoDB',
      orphanSignal: 'TERM',
      program,
      args: argumentsFor(port),
      logPath,
      registry,
    });
    await untilReady(process, () => accepts(port), READY_TIMEOUT_MS);
    return { process, version, ports: [port], uri: `mongodb://127.0.0.1:${port}/kiln?directConnection=true` };
  };
  // A replica set knows its member by its port: on the same port as last time it is primary at once.
  return startOnFreePorts(1, start, recorded?.port === undefined ? undefined : [recorded.port]);
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } finally {
    socket.destroy();
  }
}
