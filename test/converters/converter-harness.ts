import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import type { ConvertOutcome } from '../../src/converters/converter.ts';
import {
  type ConverterSettings,
  type Converters,
  createConverters,
} from '../../src/converters/converters.ts';
import type { FormatId } from '../../src/domain/formats/format.ts';
import { parseOptions } from '../../src/domain/options/image.ts';

/** Real converters and a folder for one test file. */
interface ConverterHarness {
  converters: Converters;
  folder: string;
  /** Writes bytes into the folder and returns the path. */
  put(name: string, bytes: string | Uint8Array): Promise<string>;
  convert(
    inputPath: string,
    source: FormatId,
    target: FormatId,
    options?: object,
  ): Promise<ConvertOutcome & { path: string }>;
  probe(inputPath: string, source: FormatId): ReturnType<Converters['probe']>;
}

/** Starts converters, which end with the test file. To be called at its top. */
export function openConverterHarness(settings: Partial<ConverterSettings> = {}): ConverterHarness {
  const { signal } = new AbortController();
  const converters = createConverters({ processes: 1, ...settings });
  let count = 0;
  const harness: ConverterHarness = {
    converters,
    folder: '',
    async put(name, bytes) {
      const path = join(harness.folder, name);
      await writeFile(path, bytes);
      return path;
    },
    async convert(inputPath, source, target, options = {}) {
      const path = join(harness.folder, `output-${++count}.${target}`);
      const step = { category: 'image', source, target, options: parseOptions('image', options) } as const;
      return { ...(await converters.convert(step, { inputPath, outputPath: path, signal })), path };
    },
    probe: (inputPath, source) => converters.probe(source, inputPath, signal),
  };
  beforeAll(async () => {
    harness.folder = await mkdtemp(join(tmpdir(), 'kiln-converters-'));
  });
  afterAll(async () => {
    await converters.close();
    await rm(harness.folder, { recursive: true, force: true });
  });
  return harness;
}
