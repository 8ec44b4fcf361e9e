import { access, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../system-code.ts';
import { ProviderUnavailable } from '../fallback-chain.ts';
import { makeFolder } from './make-folder.ts';

const STALE_STAGING_MS = 24 * 3_600_000;

/** Returns the path of a finished folder of the cache, else undefined. */
export async function cachedFolder(cacheDir: string, name: string): Promise<string | undefined> {
  const folder = join(cacheDir, name);
  return (await exists(folder)) ? folder : undefined;
}

/**
 * Fills a folder of the cache and returns its path. `fill` works in a staging folder that is renamed when
 * complete, so a folder is whole or absent. Of several installers at once the first one wins.
 */
export async function installFolder(
  cacheDir: string,
  name: string,
  fill: (stagingDir: string) => Promise<void>,
): Promise<string> {
  const folder = join(cacheDir, name);
  const staging = await makeStaging(cacheDir);
  try {
    await fill(staging);
    await rename(staging, folder);
  } catch (error) {
    await rm(staging, { recursive: true, force: true });
    if (!isTaken(error)) throw error;
  }
  return folder;
}

/** Makes a staging folder. @throws ProviderUnavailable that names the setting if the cache is not writable. */
async function makeStaging(cacheDir: string): Promise<string> {
  try {
    await makeFolder(cacheDir);
    await removeStaleStaging(cacheDir);
    return await mkdtemp(join(cacheDir, '.staging-'));
  } catch (cause) {
    const code = systemCode(cause) ?? 'unknown reason';
    throw new ProviderUnavailable(
      `the cache folder ${cacheDir} cannot be written (${code}); set KILN_CACHE_DIR to one that can`,
      { cause },
    );
  }
}

/** Removes staging folders of installers that were killed: those older than a day. */
async function removeStaleStaging(cacheDir: string): Promise<void> {
  for (const name of await readdir(cacheDir)) {
    if (!name.startsWith('.staging-')) continue;
    const path = join(cacheDir, name);
    const stats = await stat(path).catch(() => undefined);
    if (stats && Date.now() - stats.mtimeMs > STALE_STAGING_MS)
      await rm(path, { recursive: true, force: true });
  }
}

function isTaken(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOTEMPTY' || code === 'EEXIST';
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
