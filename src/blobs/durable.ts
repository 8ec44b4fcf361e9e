import { copyFile, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from '../system-code.ts';

/** Moves finished files, atomically and so that a power cut does not undo it. */
export interface Mover {
  /** Moves `from` to `target`. `spare` is a free path on the disk of `target`, used if `from` lies on another. */
  move(from: string, target: string, spare: string): Promise<void>;
}

export function createMover(renameFile: typeof rename = rename): Mover {
  return {
    async move(from, target, spare) {
      const folder = dirname(target);
      await makeFolder(folder);
      try {
        await renameFile(from, target);
      } catch (error) {
        if (systemCode(error) !== 'EXDEV') throw error;
        await copyOver(from, spare);
        await renameFile(spare, target);
        await rm(from, { force: true });
      }
      await syncFolder(folder);
    },
  };
}

/** Makes a folder and its parents, and syncs each to the disk. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = folder; ; made = dirname(made)) {
    await syncFolder(dirname(made));
    if (made === first || made === dirname(made)) return;
  }
}

/** Copies a file from another disk to `spare` and syncs it. */
async function copyOver(from: string, spare: string): Promise<void> {
  await makeFolder(dirname(spare));
  try {
    await copyFile(from, spare);
    const handle = await open(spare, 'r');
    await handle.datasync().finally(() => handle.close());
  } catch (error) {
    await rm(spare, { force: true });
    throw error;
  }
}

/** Syncs a folder: a new name in it survives a power cut only after that. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems sync folders by themselves and refuse the call.
    if (!['EINVAL', 'ENOTSUP'].includes(systemCode(error) ?? '')) throw error;
  } finally {
    await handle.close();
  }
}
