import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface Scratch {
  /** Runs `work` in a fresh directory, which is removed on every exit. */
  use<T>(work: (dir: string) => Promise<T>): Promise<T>;
  /** Removes directories that a killed process left; younger ones may still be in use. */
  sweep(olderThanMs: number): Promise<number>;
}

/** Directories for one attempt each. Below `root`, which lies on the blobs' disk so that results can be renamed in. */
export function createScratch(root: string): Scratch {
  return {
    async use(work) {
      await mkdir(root, { recursive: true });
      const dir = await mkdtemp(join(root, 'attempt-'));
      try {
        return await work(dir);
      } finally {
        await rm(dir, { recursive: true, force: true });
      }
    },

    async sweep(olderThanMs) {
      const limit = Date.now() - olderThanMs;
      const names = await readdir(root).catch(() => []);
      let removed = 0;
      for (const name of names) {
        const path = join(root, name);
        const facts = await stat(path).catch(() => null);
        if (!facts || facts.mtimeMs > limit) continue;
        await rm(path, { recursive: true, force: true });
        removed += 1;
      }
      return removed;
    },
  };
}
