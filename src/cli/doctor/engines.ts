import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Config } from '../../config.ts';
import { type RecordedEngines, readEngines } from '../../embedded/engine-record.ts';
import { pingMongo } from '../../embedded/mongodb/mongo-ping.ts';
import { systemCode } from '../../system-code.ts';
import { firstLineOf } from './commands.ts';
import type { Finding, Section } from './finding.ts';

const CONNECT_MS = 3000;

/** Finds out how Temporal and MongoDB are, or would be, provided. Starts and downloads nothing. */
export async function inspectEngines(config: Config): Promise<Section> {
  const recorded = await readEngines(config.dataDir).catch((): RecordedEngines => ({}));
  const cached = await readdir(config.cacheDir).catch((): string[] => []);
  const findings = await Promise.all([
    config.temporal.address ? reachTemporal(config.temporal.address) : temporal(recorded, cached),
    config.mongoUri ? reachMongo(config.mongoUri) : mongodb(recorded, cached),
  ]);
  return { title: 'Engines of the service', findings };
}

async function temporal({ temporal: known }: RecordedEngines, cached: readonly string[]): Promise<Finding> {
  const name = 'Temporal';
  if (known)
    return { name, state: 'ok', found: `${known.version} (${known.provider}), used by this data folder` };
  const installed = await firstLineOf('temporal', ['--version']);
  if (installed) return { name, state: 'ok', found: `${installed}, on PATH` };
  if (cached.some((folder) => folder.startsWith('temporal-cli-')))
    return { name, state: 'ok', found: 'cached' };
  return {
    name,
    state: 'note',
    found: 'will be downloaded at the first start',
    fix: 'Without temporal.download and PyPI: install the Temporal CLI or set TEMPORAL_ADDRESS.',
  };
}

async function mongodb({ mongodb: known }: RecordedEngines, cached: readonly string[]): Promise<Finding> {
  const name = 'MongoDB';
  if (known)
    return { name, state: 'ok', found: `${known.version} (${known.provider}), holds this data folder` };
  const [installed, java] = await Promise.all([
    firstLineOf('mongod', ['--version']),
    firstLineOf('java', ['--version']),
  ]);
  if (installed) return { name, state: 'ok', found: `${installed}, on PATH` };
  if (cached.some((folder) => folder.startsWith('mongod-')))
    return { name, state: 'ok', found: 'mongod, cached' };
  if (java) return { name, state: 'ok', found: 'a downloaded mongod, otherwise mongo-java-server' };
  return {
    name,
    state: 'note',
    found: 'mongod will be downloaded at the first start',
    fix: 'Without fastdl.mongodb.org: install mongod, or a JDK 17 with Maven, or set MONGODB_URI.',
  };
}

async function reachTemporal(address: string): Promise<Finding> {
  const name = 'Temporal';
  const { hostname, port } = new URL(`tcp://${address}`);
  const socket = connect(Number(port), hostname.replace(/^\[|\]$/g, ''));
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECT_MS) });
    return { name, state: 'ok', found: `answers at ${address}` };
  } catch {
    return {
      name,
      state: 'missing',
      found: `nothing answers at ${address}`,
      fix: 'Start it, or correct TEMPORAL_ADDRESS.',
    };
  } finally {
    socket.destroy();
  }
}

async function reachMongo(uri: string): Promise<Finding> {
  const name = 'MongoDB';
  const hosts = hostsOf(uri);
  try {
    await pingMongo(uri, CONNECT_MS);
    return { name, state: 'ok', found: `answers at ${hosts}` };
  } catch (error) {
    return { name, state: 'missing', ...whyMissing(error, hosts, SRV.test(uri)) };
  }
}

/** Says what was looked for and not found. The driver's own words may quote the URI, so they are not shown. */
function whyMissing(error: unknown, hosts: string, isSrv: boolean): Pick<Finding, 'found' | 'fix'> {
  const systemError = systemCode(error);
  const code = systemError === undefined ? '' : ` (${systemError})`;
  if (error instanceof Error && UNREADABLE.includes(error.name))
    return {
      found: 'MONGODB_URI cannot be read',
      fix: 'Correct it: special characters in a name or password are percent-encoded, and mongodb+srv takes one host without a port.',
    };
  if (isSrv && error instanceof Error && 'syscall' in error && error.syscall === 'querySrv')
    return {
      found: `no hosts: the SRV record _mongodb._tcp.${hosts} cannot be had${code}`,
      fix: 'Correct the host in MONGODB_URI, or name the hosts by a mongodb:// URI where DNS is not to be had.',
    };
  return { found: `nothing answers at ${hosts}${code}`, fix: 'Start it, or correct MONGODB_URI.' };
}

/** How the driver's errors about the URI itself are named. */
const UNREADABLE = ['MongoParseError', 'URIError'];
const SRV = /^mongodb\+srv:/;

/** Returns the hosts of a URI, without credentials, even if these hold characters that should be encoded. */
function hostsOf(uri: string): string {
  const [hosts = ''] = uri
    .replace(/^mongodb(\+srv)?:\/\//, '')
    .replace(/^.*@/, '')
    .split(/[/?]/);
  return hosts.replace(/%2f/gi, '/');
}
