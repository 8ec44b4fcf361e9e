import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from '../../system-code.ts';

/**
 * Makes a folder and its parents. Node's own `recursive` loops for ever below a folder that cannot hold
 * others, such as /proc.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdirUnlessThere(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await mkdirUnlessThere(path);
  }
}

async function mkdirUnlessThere(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    // Another process may have made it meanwhile, and a read-only system fails like this for any folder.
    const stats = await stat(path).catch(() => undefined);
    if (!stats?.isDirectory()) throw error;
  }
}
