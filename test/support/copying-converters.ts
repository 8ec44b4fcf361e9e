import { copyFile } from 'node:fs/promises';
import type { Converters } from '../../src/converters/converters.ts';

/** The duration of every file in seconds, for tests of prices. */
const SECONDS = 70;

/** Creates converters that only copy, so that a test can run hundreds of jobs. */
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
