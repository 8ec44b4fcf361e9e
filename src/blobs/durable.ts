import { copyFile, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from '../system-code.ts';

/** Gives a finished file its place: atomically, and so that no power cut takes it back. */
export interface Mover {
  /** `spare` is a free path on the disk of `target`, used when `from` lies on another one. */
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

/** Makes a folder with its parents, each of them known to the disk. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = folder; ; made = dirname(made)) {
    await syncFolder(dirname(made));
    if (made === first || made === dirname(made)) return;
  }
}

/** The other disk's file under a new name on this one, safe on the disk. */
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

/** A new name is part of its folder, and only safe once that is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems keep folders safe by themselves and refuse to be asked.
    if (!['EINVAL', 'ENOTSUP'].includes(systemCode(error) ?? '')) throw error;
  } finally {
    await handle.close();
  }
}
