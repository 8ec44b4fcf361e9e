import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { getOS } from 'mongodb-memory-server-core/lib/util/getos/index.js';
import { MongoBinaryDownloadUrl } from 'mongodb-memory-server-core/lib/util/MongoBinaryDownloadUrl.js';
import { ProviderUnavailable } from '../fallback-chain.ts';
import { readFromTarball } from '../install/archive.ts';
import { cachedFolder, installFolder } from '../install/cache.ts';
import { sha256OfFile } from '../install/digest.ts';
import { downloadFile, NotOffered } from '../install/download.ts';
import { MONGOD_VERSION, PLATFORM } from '../install/versions.ts';

/** Systems whose archives run on any Linux of the last years. */
const SUBSTITUTES = ['ubuntu2204', 'ubuntu2404'];

interface MongodSources {
  cacheDir: string;
  /** Base URL to use instead of the publisher's. */
  mirror: string | undefined;
  onProgress: (line: string) => void;
}

/**
 * Returns the path of a real mongod, downloaded at first use.
 *
 * mongodb-memory-server knows which of the publisher's archives fits which system; we take its URL
 * but not its download, which trusts any certificate and checks MD5 only.
 * @throws ProviderUnavailable if there is none for this system or it cannot be fetched.
 */
export async function provideMongod({ cacheDir, mirror, onProgress }: MongodSources): Promise<string> {
  const name = `mongod-${MONGOD_VERSION}-${PLATFORM}`;
  const folder =
    (await cachedFolder(cacheDir, name)) ??
    (await installFolder(cacheDir, name, async (staging) => {
      const work = join(staging, 'work');
      await mkdir(work);
      const archive = await fetchFirst(await archiveUrls(mirror), work, onProgress);
      const program = createWriteStream(join(staging, 'mongod'), { mode: 0o755 });
      await pipeline(readFromTarball(archive, 'mongod'), program);
      await rm(work, { recursive: true });
    }));
  return join(folder, 'mongod');
}

/** Returns the URL of the archive for this system, then those of substitutes. */
async function archiveUrls(mirror: string | undefined): Promise<string[]> {
  const url = await archiveUrl(mirror);
  const system = /-(?:ubuntu|debian|rhel|amazon|suse)\w+(?=-\d)/;
  const others = system.test(url) ? SUBSTITUTES.map((name) => url.replace(system, `-${name}`)) : [];
  return [...new Set([url, ...others])];
}

async function archiveUrl(mirror: string | undefined): Promise<string> {
  const wanted = {
    platform: process.platform,
    arch: process.arch,
    version: MONGOD_VERSION,
    os: await getOS(),
  };
  try {
    const url = await new MongoBinaryDownloadUrl(wanted).getDownloadUrl();
    return mirror ? new URL(new URL(url).pathname, mirror).href : url;
  } catch (cause) {
    throw new ProviderUnavailable(`there is no mongod ${MONGOD_VERSION} for this system`, { cause });
  }
}

/**
 * Downloads the first archive that exists: there is none of Debian for arm64, or of Ubuntu 23. Returns its
 * path.
 */
async function fetchFirst(
  urls: readonly string[],
  work: string,
  onProgress: (line: string) => void,
): Promise<string> {
  let missing: unknown;
  for (const url of urls) {
    try {
      return await fetchVerified(url, work, onProgress);
    } catch (error) {
      if (!(error instanceof NotOffered)) throw error;
      missing ??= error;
    }
  }
  throw missing;
}

/** Downloads an archive and checks it against the publisher's sum beside it. Returns its path. */
async function fetchVerified(url: string, work: string, onProgress: (line: string) => void): Promise<string> {
  const archive = join(work, 'archive');
  const sumPath = join(work, 'sum');
  const label = `MongoDB ${MONGOD_VERSION}`;
  await downloadFile({
    url: `${url}.sha256`,
    path: sumPath,
    label: `${label} checksum`,
    onProgress: () => {},
  });
  await downloadFile({ url, path: archive, label, onProgress });
  const [sum] = (await readFile(sumPath, 'utf8')).trim().split(/\s+/);
  if ((await sha256OfFile(archive)) !== sum) {
    throw new ProviderUnavailable("the archive does not have the publisher's SHA-256 and was thrown away");
  }
  return archive;
}
