import { mkdtemp, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../config.ts';
import { makeFolder } from '../embedded/install/make-folder.ts';
import { systemCode } from '../system-code.ts';

const REASONS: Readonly<Record<string, string>> = {
  EEXIST: 'it is a file',
  ENOTDIR: 'a part of its path is a file',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'its file system is read-only',
  ENOSPC: 'its file system is full',
};

/**
 * Makes the data folder and checks that it can be written to.
 * @throws ConfigError that names KILN_DATA_DIR.
 */
export async function ensureDataFolder(dataDir: string): Promise<void> {
  try {
    await makeFolder(dataDir);
    // Permissions are not enough: folders such as /proc say that they are writable, and are not.
    await rmdir(await mkdtemp(join(dataDir, '.try-')));
  } catch (cause) {
    const code = systemCode(cause) ?? 'unknown reason';
    const reason = REASONS[code] ?? `files cannot be made there (${code})`;
    throw new ConfigError(
      `The data folder ${dataDir} cannot be used: ${reason}. Set KILN_DATA_DIR to a folder that can be written to.`,
      { cause },
    );
  }
}
