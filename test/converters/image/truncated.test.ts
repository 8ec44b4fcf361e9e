import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { FORMATS } from '../../../src/domain/formats/find-format.ts';
import { openConverterHarness } from '../converter-harness.ts';
import { scene } from '../made-files.ts';

const harness = openConverterHarness();
const formats = [...FORMATS.values()].filter(
  ({ readers, writers }) => readers.length > 0 && writers.length > 0,
);

describe('a file that ends in the middle', () => {
  it.each(formats.map(({ id }) => id))('is no picture: %s', async (format) => {
    const whole = await harness.put('whole.png', await scene(96, 96).png().toBuffer());
    const { path } = await harness.convert(whole, 'png', format);
    const bytes = await readFile(path);
    // FITS fills its last tenth up with nothing.
    for (const share of [0.5, 0.8]) {
      const part = await harness.put(`part.${format}`, bytes.subarray(0, bytes.length * share));
      const outcome = await harness
        .convert(part, format, 'png')
        .catch((error: { code: string }) => error.code);
      if (typeof outcome === 'string') expect(outcome, `${share}`).toBe('CORRUPT_INPUT');
      else expect(outcome.warnings.join(), `${share}`).toMatch(/incomplete/);
    }
  });
});
