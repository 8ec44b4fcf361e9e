import { access, constants, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from '../../config.ts';
import { formatBytes } from '../terminal/terminal.ts';
import type { Finding, Section } from './finding.ts';

/** Checks that the folders are or can be made, and how much space they have. Makes none. */
export async function inspectFolders({ dataDir, cacheDir }: Config): Promise<Section> {
  const findings = await Promise.all([
    inspectFolder('data', dataDir, 'KILN_DATA_DIR'),
    inspectFolder('cache', cacheDir, 'KILN_CACHE_DIR'),
  ]);
  return { title: 'Folders', findings };
}

async function inspectFolder(name: string, folder: string, variable: string): Promise<Finding> {
  const existing = await nearestExisting(folder);
  try {
    await access(existing, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = await statfs(existing);
    const made = existing === folder ? '' : ', will be made';
    return { name, state: 'ok', found: `${folder}${made}, ${formatBytes(bavail * bsize)} free` };
  } catch {
    const fix = `Make it writable for this user, or choose another one with ${variable}.`;
    return { name, state: 'missing', found: `${folder} cannot be written`, fix };
  }
}

async function nearestExisting(folder: string): Promise<string> {
  const exists = await access(folder).then(
    () => true,
    () => false,
  );
  return exists || dirname(folder) === folder ? folder : nearestExisting(dirname(folder));
}
