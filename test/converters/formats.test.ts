import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { DETECT_BYTES, detectFormat } from '../../src/domain/formats/detect.ts';
import { FORMATS, targetsOf } from '../../src/domain/formats/find-format.ts';
import type { FormatId } from '../../src/domain/formats/format.ts';
import { describeConverter } from './contract.ts';
import { openConverterHarness } from './converter-harness.ts';
import { difference } from './fingerprint.ts';
import { dng, ico, scene, xcf } from './made-files.ts';

const HEIC = fileURLToPath(new URL('../fixtures/photo.heic', import.meta.url));
const SVG =
  '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><circle cx="12" cy="10" r="8" fill="#fadc3c"/></svg>';
/** Tolerances: grey has no colours to compare, and two tones are dots. */
const TOLERANCES: Record<FormatId, number> = { pbm: 30, xbm: 30, wbmp: 30 };

const harness = openConverterHarness();
const photo = (path: string) => scene(40, 30).png().toFile(path);
const cases = [
  { source: 'png', target: 'jpg', makeInput: photo, expected: { width: 40, height: 30 } },
  {
    source: 'jpg',
    target: 'webp',
    makeInput: (path: string) => scene(40, 30).jpeg().toFile(path),
    expected: { width: 40, height: 30 },
  },
  {
    source: 'tiff',
    target: 'png',
    makeInput: (path: string) => scene(40, 30).tiff().toFile(path),
    expected: { width: 40, height: 30 },
  },
  {
    source: 'heic',
    target: 'png',
    makeInput: (path: string) => copyFile(HEIC, path),
    expected: { width: 1200, height: 900 },
  },
  { source: 'png', target: 'ico', makeInput: photo, expected: { width: 40, height: 30 } },
  {
    source: 'ico',
    target: 'bmp',
    makeInput: async (path: string) => writeFile(path, await ico(16, 48, 32)),
    expected: { width: 48, height: 48 },
  },
];

describeConverter('the registry', async () => harness.converters, cases);

describe('every pair that the format table promises', () => {
  it('gives a file of the right type and size that shows the same picture', async () => {
    const original = await scene(40, 30).png().toBuffer();
    const inputs = await oneOfEach(original);
    for (const [source, path] of inputs) {
      for (const target of targetsOf(source)) {
        const pair = `${source} to ${target}`;
        const { output, path: result } = await harness.convert(path, source, target, {
          width: 40,
          height: 30,
          fit: 'fill',
        });
        expect(detectFormat((await readFile(result)).subarray(0, DETECT_BYTES), `x.${target}`), pair).toBe(
          target,
        );
        expect([output.width, output.height], pair).toEqual([40, 30]);
      }
    }
    expect([...inputs.keys()].toSorted()).toEqual(readable());
  }, 120_000);

  it.each([...FORMATS.values()].filter(({ writers }) => writers.length > 0).map(({ id }) => id))(
    '%s there and back shows the same picture',
    async (format) => {
      const original = await scene(40, 30).png().toBuffer();
      const there = await harness.convert(await harness.put('there.png', original), 'png', format);
      const back = await harness.convert(there.path, format, 'png');
      expect(await difference(back.path, original)).toBeLessThan(TOLERANCES[format] ?? 6);
    },
  );

  async function oneOfEach(original: Buffer): Promise<Map<FormatId, string>> {
    const start = await harness.put('start.png', original);
    const inputs = new Map<FormatId, string>([
      ['heic', HEIC],
      ['svg', await harness.put('start.svg', SVG)],
      ['xcf', await harness.put('start.xcf', xcf(40, 30))],
      ['dng', await harness.put('start.dng', dng(64, 48))],
      ['cur', await harness.put('start.cur', cursor(await ico(32)))],
    ]);
    for (const target of targetsOf('png'))
      inputs.set(target, (await harness.convert(start, 'png', target)).path);
    return inputs;
  }

  function readable(): FormatId[] {
    return [...FORMATS.values()]
      .filter(({ readers }) => readers.length > 0)
      .map(({ id }) => id)
      .toSorted();
  }

  /** A cursor is an icon of another kind. */
  function cursor(icon: Buffer): Buffer {
    icon[2] = 2;
    return icon;
  }
});

describe('formats that only come in', () => {
  it('HEIC: a real file, its size and its colours', async () => {
    expect(await harness.probe(HEIC, 'heic')).toMatchObject({ width: 1200, height: 900, frames: 1 });
    const { path } = await harness.convert(HEIC, 'heic', 'webp', { width: 400 });
    const { channels } = await sharp(path).stats();
    expect(await sharp(path).metadata()).toMatchObject({
      format: 'webp',
      width: 400,
      height: 300,
      hasAlpha: false,
    });
    // The sky is blue, the hills below are green.
    const [sky, hills] = await Promise.all([at(path, 40, 10), at(path, 40, 290)]);
    expect(sky[2]).toBeGreaterThan(sky[0]);
    expect(hills[1]).toBeGreaterThan(hills[0]);
    expect(channels).toHaveLength(3);
  });

  it('SVG: drawn sharply at the size that is asked for', async () => {
    const input = await harness.put('drawing.svg', SVG);
    const { path, output } = await harness.convert(input, 'svg', 'png', { width: 400 });
    expect(output).toMatchObject({ width: 400, height: 300, hasAlpha: true });
    expect(await at(path, 120, 100)).toEqual([250, 220, 60, 255]);
    expect((await at(path, 300, 200))[3]).toBe(0);
    const denser = await harness.convert(input, 'svg', 'png', { density: 144 });
    expect(denser.output).toMatchObject({ width: 60, height: 45 });
  });

  it('XCF: all layers, the upper over the lower', async () => {
    const { path } = await harness.convert(await harness.put('layers.xcf', xcf(40, 30)), 'xcf', 'png');
    expect((await at(path, 5, 5)).slice(0, 3)).toEqual([255, 0, 0]);
    expect((await at(path, 35, 25)).slice(0, 3)).toEqual([0, 0, 255]);
  });

  it('DNG: developed', async () => {
    const { path, output } = await harness.convert(await harness.put('shot.dng', dng(64, 48)), 'dng', 'jpg');
    expect(output).toMatchObject({ width: 64, height: 48 });
    const [red, green, blue] = (await sharp(path).stats()).channels.map(({ mean }) => mean);
    expect(Math.min(red ?? 0, green ?? 0, blue ?? 0)).toBeGreaterThan(20);
  });

  it('ICO: the largest of its sizes, or the one that is asked for', async () => {
    const input = await harness.put('sizes.ico', await ico(16, 48, 32));
    expect((await harness.convert(input, 'ico', 'png')).output).toMatchObject({ width: 48, height: 48 });
    expect((await harness.convert(input, 'ico', 'png', { page: 1 })).output).toMatchObject({
      width: 16,
      height: 16,
    });
  });
});

describe('the engines', () => {
  it('have a say one after the other, also about a header', async () => {
    const whole = await scene(40, 30).tiff().toBuffer();
    const input = await harness.put('half.tiff', whole.subarray(0, whole.length / 2));
    await expect(harness.probe(input, 'tiff')).rejects.toMatchObject({ code: 'CORRUPT_INPUT' });
  });

  it('say who they are, and what they read and write', async () => {
    const [images, magick] = await harness.converters.describeEngines();
    expect(images).toMatchObject({ name: 'sharp', version: expect.stringMatching(/^sharp \d.*libvips \d/) });
    expect(magick?.version).toMatch(/^ImageMagick 7/);
    expect(images?.reads).toContain('svg');
    expect(magick?.reads).toContain('heic');
    expect(magick?.writes).not.toContain('heic');
    expect(harness.converters.supports('heic', 'webp')).toBe(true);
    expect(harness.converters.supports('png', 'heic')).toBe(false);
  });
});

async function at(path: string, left: number, top: number): Promise<[number, number, number, number?]> {
  const pixel = await sharp(path).extract({ left, top, width: 1, height: 1 }).raw().toBuffer();
  return [...pixel] as [number, number, number, number?];
}
