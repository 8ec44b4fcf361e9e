import { copyFile } from 'node:fs/promises';
import type { Converters } from '../../src/converters/converters.ts';

/** How long every file plays, for a test that pays for it. */
export const SECONDS = 70;

/** Engines that only copy, so that a test can run hundreds of jobs; `work` is what each waits for. */
export function createCopyingConverters(work: () => Promise<void> = async () => {}): Converters {
  const facts = { width: 1, height: 1, seconds: SECONDS };
  return {
    probe: async () => facts,
    async convert(_step, { inputPath, outputPath }) {
      await work();
      await copyFile(inputPath, outputPath);
      return { engine: 'copy 1', engineMs: 1, input: facts, output: facts, warnings: [] };
    },
    supports: () => true,
    describeEngines: async () => [],
    warm: async () => {},
    pids: () => [],
    close: async () => {},
  };
}
