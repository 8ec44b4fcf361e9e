import { copyFile } from 'node:fs/promises';
import type { Converters } from '../../src/converters/converters.ts';

/** How long every file plays, for a test that pays for it. */
const SECONDS = 70;

/** Engines that only copy, so that a test can run hundreds of jobs. */
export function createCopyingConverters(): Converters {
  const info = { width: 1, height: 1, seconds: SECONDS };
  return {
    probe: async () => info,
    async convert(_step, { inputPath, outputPath }) {
      await copyFile(inputPath, outputPath);
      return { engine: 'copy 1', engineMs: 1, input: info, output: info, warnings: [] };
    },
    supports: () => true,
    describeEngines: async () => [],
    warm: async () => {},
    pids: () => [],
    close: async () => {},
  };
}
