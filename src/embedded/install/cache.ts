import { access, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { RungUnavailable } from '../ladder.ts';
import { makeFolder } from './make-folder.ts';

const STALE_STAGING_MS = 24 * 3_600_000;

/** The path of a finished folder of the cache, or undefined when it is not there. */
export async function cachedFolder(cacheDir: string, name: string): Promise<string | undefined> {
  const folder = join(cacheDir, name);
  return (await exists(folder)) ? folder : undefined;
}

/**
 * Fills a folder of the cache: `fill` works in a staging folder that takes its final name only when
 * everything is in it, so a folder is whole or absent. Of several installers the first one wins.
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

/** @throws RungUnavailable that names the variable to change, when nothing can be written there. */
async function makeStaging(cacheDir: string): Promise<string> {
  try {
    await makeFolder(cacheDir);
    await removeStaleStaging(cacheDir);
    return await mkdtemp(join(cacheDir, '.staging-'));
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : 'unknown reason';
    throw new RungUnavailable(
      `the cache folder ${cacheDir} cannot be written (${code}); set KILN_CACHE_DIR to one that can`,
      { cause },
    );
  }
}

/** An installer that was killed leaves its staging folder behind. */
async function removeStaleStaging(cacheDir: string): Promise<void> {
  for (const name of await readdir(cacheDir)) {
    if (!name.startsWith('.staging-')) continue;
    const path = join(cacheDir, name);
    const facts = await stat(path).catch(() => undefined);
    if (facts && Date.now() - facts.mtimeMs > STALE_STAGING_MS)
      await rm(path, { recursive: true, force: true });
  }
}

function isTaken(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOTEMPTY' || code === 'EEXIST';
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
