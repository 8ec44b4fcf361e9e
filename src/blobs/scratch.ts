import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isOfDeadProcess, processMark } from './process-mark.ts';
import { toStorageError } from './storage-error.ts';

export interface Scratch {
  /**
   * Runs `work` in a new directory, and removes it afterwards.
   * @throws KilnError INSUFFICIENT_STORAGE when the disk is full, and whatever `work` throws.
   */
  use<T>(work: (dir: string) => Promise<T>): Promise<T>;
  /** Removes directories of processes that have ended, and older ones of any process. @returns how many. */
  sweep(olderThanMs: number): Promise<number>;
}

/** Makes directories for one attempt each, below `root`: on the blobs' disk, so that results can be renamed in. */
export function createScratch(root: string): Scratch {
  const prefix = `attempt-${processMark()}-`;
  return {
    async use(work) {
      const dir = await makeDirectory(root, prefix);
      try {
        return await work(dir);
      } catch (error) {
        throw toStorageError(error);
      } finally {
        // Ignores errors: a sweep removes it later, and the work is done all the same.
        await rm(dir, { recursive: true, force: true }).catch(() => {});
      }
    },

    sweep: (olderThanMs) => sweepFolder(root, olderThanMs),
  };
}

/** Removes what lies in `folder` and belongs to a process that has ended, or is older. @returns how many. */
export async function sweepFolder(folder: string, olderThanMs: number): Promise<number> {
  const limit = Date.now() - olderThanMs;
  const names = await readdir(folder).catch(() => []);
  let removed = 0;
  for (const name of names) {
    const path = join(folder, name);
    if (!isOfDeadProcess(name)) {
      const stats = await stat(path).catch(() => null);
      if (!stats || stats.mtimeMs > limit) continue;
    }
    await rm(path, { recursive: true, force: true });
    removed += 1;
  }
  return removed;
}

async function makeDirectory(root: string, prefix: string): Promise<string> {
  try {
    await mkdir(root, { recursive: true });
    return await mkdtemp(join(root, prefix));
  } catch (error) {
    throw toStorageError(error);
  }
}
