import { mkdtemp, readFile, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Converter } from '../../src/converters/converter.ts';
import { DETECT_BYTES, detectFormat } from '../../src/domain/formats/detect.ts';
import type { FormatId } from '../../src/domain/formats/format.ts';
import type { ConvertStep } from '../../src/domain/jobs/plan.ts';
import { parseOptions } from '../../src/domain/options/image.ts';

/** One conversion that a converter claims to do. */
interface ContractCase {
  source: FormatId;
  target: FormatId;
  /** Writes the input to the path that it is given. */
  makeInput(path: string): Promise<unknown>;
  expected: { width: number; height: number };
}

/** What every converter owes its callers, whatever does the work. */
export function describeConverter(
  name: string,
  create: () => Promise<Pick<Converter, 'convert'>>,
  cases: ContractCase[],
) {
  describe(`${name} keeps the contract of a converter`, () => {
    let converter: Pick<Converter, 'convert'>;
    let folder: string;
    const { signal } = new AbortController();

    beforeAll(async () => {
      converter = await create();
      folder = await mkdtemp(join(tmpdir(), 'kiln-contract-'));
    });
    afterAll(() => rm(folder, { recursive: true, force: true }));

    it.each(cases)(
      '$source to $target: right bytes, right media info, progress, nothing done to the input',
      async (given) => {
        const { inputPath, outputPath, step } = await prepare(given);
        const before = await readFile(inputPath);
        const progress: number[] = [];
        const onProgress = (percent: number) => progress.push(percent);
        const outcome = await converter.convert(step, { inputPath, outputPath, signal, onProgress });

        const bytes = await readFile(outputPath);
        expect(detectFormat(bytes.subarray(0, DETECT_BYTES), `x.${given.target}`)).toBe(given.target);
        expect(outcome.output).toMatchObject(given.expected);
        expect(outcome.engine).toMatch(/\d+\.\d+/);
        expect(outcome.engineMs).toBeGreaterThan(0);
        expect(progress.at(0)).toBe(0);
        expect(progress.at(-1)).toBe(100);
        expect(progress).toEqual(progress.toSorted((a, b) => a - b));
        expect(await readFile(inputPath)).toEqual(before);
      },
    );

    it.each(cases)('$source to $target: half a file is CORRUPT_INPUT, in words for people', async (given) => {
      const { inputPath, outputPath, step } = await prepare(given, 0.5);
      const failure = converter.convert(step, { inputPath, outputPath, signal });
      await expect(failure).rejects.toMatchObject({
        code: 'CORRUPT_INPUT',
        message: expect.stringMatching(/^The file is damaged or not a complete .* picture\.$/),
      });
    });

    it('an abort that came before the call is CANCELLED', async () => {
      const [given] = cases;
      if (!given) throw new Error('a contract needs cases');
      const { inputPath, outputPath, step } = await prepare(given);
      await expect(
        converter.convert(step, { inputPath, outputPath, signal: AbortSignal.abort() }),
      ).rejects.toMatchObject({ code: 'CANCELLED' });
    });

    async function prepare({ source, target, makeInput }: ContractCase, share = 1) {
      const inputPath = join(folder, `${source}-${target}-${share}.in`);
      const outputPath = join(folder, `${source}-${target}-${share}.out`);
      await makeInput(inputPath);
      if (share < 1) {
        await truncate(inputPath, Math.floor((await stat(inputPath)).size * share));
      }
      const step: ConvertStep = { category: 'image', source, target, options: parseOptions('image', {}) };
      return { inputPath, outputPath, step };
    }
  });
}
