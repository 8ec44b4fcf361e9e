import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { DETECT_BYTES, detectFormat } from '../../../src/domain/formats/detect.ts';
import { openConverterHarness } from '../converter-harness.ts';
import { dng, scene } from '../made-files.ts';

const PICTURES = join(import.meta.dirname, '../../fixtures/pictures');
const RED = [200, 30, 30];
const GREEN = [30, 170, 40];
const BLUE = [30, 60, 200];
const harness = openConverterHarness();

/** Converts a stranger's file by its bytes and its name, as a job does. */
async function convert(name: string, target: string, options = {}) {
  const path = join(PICTURES, name);
  const source = detectFormat((await readFile(path)).subarray(0, DETECT_BYTES), name);
  return harness.convert(path, source ?? 'unknown', target, options);
}

/** The colours in the middle of the upper left, upper right and lower right quarter, and of the whole. */
async function coloursOf(path: string) {
  const { width, height, depth } = await sharp(path).metadata();
  const isDeep = depth === 'ushort';
  const { data, info } = await sharp(path)
    .toColourspace(isDeep ? 'rgb16' : 'srgb')
    .raw({ depth: isDeep ? 'ushort' : 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const values = isDeep ? new Uint16Array(data.buffer, data.byteOffset, data.length / 2) : data;
  return [
    [1, 1],
    [3, 1],
    [3, 3],
    [2, 2],
  ].map(([x = 0, y = 0]) => {
    const at = (Math.floor((height * y) / 4) * width + Math.floor((width * x) / 4)) * info.channels;
    return [...values.subarray(at, at + info.channels)];
  });
}

/** The largest difference in any channel of the second. */
function distance(shown: readonly number[] = [], right: readonly number[] = [0]): number {
  return Math.max(...right.map((value, i) => Math.abs((shown[i] ?? -999) - value)));
}

async function expectColours(path: string, [first, second]: number[][]) {
  const [upperLeft = [], upperRight = []] = await coloursOf(path);
  for (const [shown, right] of [
    [upperLeft, first],
    [upperRight, second],
  ])
    expect(distance(shown, right), `${shown}`).toBeLessThan(5);
}

describe('more than 8 bits a channel', () => {
  it.each([
    ['rgb16.png', 'png', 16],
    ['rgb16.png', 'tiff', 16],
    ['gray16.tif', 'png', 16],
    ['gray16.tif', 'tiff', 16],
    ['ten.avif', 'png', 10],
  ])('%s to %s keeps %i', async (name, target, bits) => {
    const { path, output, warnings } = await convert(name, target);
    expect(output.bitDepth).toBe(bits);
    expect(await sharp(path).metadata()).toMatchObject({ depth: 'ushort', bitsPerSample: 16 });
    // 65535 × 64 / 255 and not what 8 bits would make of it: a multiple of 257.
    const values = (await coloursOf(path)).flat();
    if (name === 'rgb16.png') expect(values.slice(0, 3)).toEqual([16_448, 49_087, 32_832]);
    expect(values.some((value) => value % 257 !== 0) || name === 'gray16.tif').toBe(true);
    expect(warnings).toEqual([]);
  });

  it('are kept while the picture is edited', async () => {
    const { path } = await convert('rgb16.png', 'png', { width: 128, background: '#ff8000' });
    expect(await sharp(path).metadata()).toMatchObject({ width: 128, depth: 'ushort', space: 'rgb16' });
    expect((await coloursOf(path)).flat().some((value) => value % 257 !== 0)).toBe(true);
  });

  it.each([
    ['rgb16.png', 'jpg', 'The PNG file has 16 bits a channel; 8 were kept.'],
    ['rgb16.png', 'avif', 'The PNG file has 16 bits a channel; 12 were kept.'],
    ['rgb16.jxl', 'png', 'The JPEG XL file has 16 bits a channel; 8 were kept.'],
    ['bright.exr', 'png', 'The OpenEXR file has 16 bits a channel; 8 were kept.'],
  ])('%s to %s says what is lost', async (name, target, warning) => {
    expect((await convert(name, target)).warnings).toEqual([warning]);
  });

  it('linear light becomes what a screen shows, and comes back', async () => {
    const { path } = await convert('bright.exr', 'png');
    const [upperLeft] = await coloursOf(path);
    expect(upperLeft).toEqual([188, 137, 99]);
    const again = await harness.convert((await convert('bright.exr', 'exr')).path, 'exr', 'png');
    expect(await coloursOf(again.path)).toEqual(await coloursOf(path));
  });
});

it('grey stays grey', async () => {
  const grey = await scene(40, 30).toColourspace('b-w').png().toBuffer();
  for (const target of ['png', 'tiff', 'jpg']) {
    const { path } = await harness.convert(await harness.put('grey.png', grey), 'png', target);
    expect(await sharp(path).metadata(), target).toMatchObject({ space: 'b-w', channels: 1 });
  }
});

describe('a kind of file that the first engine does not read', () => {
  it.each([
    ['lab.tif', [RED, GREEN]],
    [
      'float01.tif',
      [
        [64, 64, 64],
        [192, 192, 192],
      ],
    ],
    [
      'half01.tif',
      [
        [64, 64, 64],
        [192, 192, 192],
      ],
    ],
  ])('%s is read by the next', async (name, colours) => {
    const { path, engine } = await convert(name, 'png');
    expect(engine).toContain('ImageMagick');
    await expectColours(path, colours);
  });

  it('12bit.tif is read by the next, also where both could write', async () => {
    for (const target of ['png', 'bmp'])
      expect((await convert('12bit.tif', target)).output).toMatchObject({ width: 100, height: 100 });
  });

  it('a raw photo with the name of a TIFF is developed', async () => {
    const shot = await harness.put('shot.tif', dng(64, 48));
    const { path } = await harness.convert(shot, 'tiff', 'jpg');
    expect(await sharp(path).metadata()).toMatchObject({ width: 64, height: 48 });
    expect((await sharp(path).stats()).channels[0]?.mean).toBeGreaterThan(20);
  });

  it('is not called damaged when nobody reads it', async () => {
    await expect(convert('bc4.dds', 'png')).rejects.toMatchObject({
      code: 'NOT_SUPPORTED',
      message: 'This kind of DirectDraw surface file cannot be read.',
    });
  });

  it('measured heights are no picture', async () => {
    await expect(convert('dem_int16.tif', 'png')).rejects.toMatchObject({
      code: 'UNSUPPORTED_CONVERSION',
      message: expect.stringContaining('measured numbers'),
      hint: 'Scale it to 8 or 16 bits a channel in the program that made it.',
    });
  });
});

describe('frames and pages', () => {
  it.each([['gif'], ['webp']])('an animated AVIF to %s', async (target) => {
    const { path, output, warnings } = await convert('anim_avifenc.avif', target, { width: 64 });
    expect(output).toMatchObject({ width: 64, height: 64, frames: 3 });
    expect(warnings).toEqual([]);
    const header = await sharp(path, { pages: -1 }).metadata();
    expect(header).toMatchObject({ pages: 3, pageHeight: 64, delay: [200, 200, 200], loop: 0 });
    for (const [page, colour] of [RED, GREEN, BLUE].entries()) {
      const { data } = await sharp(path, { page }).raw().toBuffer({ resolveWithObject: true });
      expect(distance([...data], colour), `${page}`).toBeLessThan(12);
    }
  });

  it('of an animated AVIF the first for a format without frames, with a note', async () => {
    const { warnings } = await convert('anim_avifenc.avif', 'png');
    expect(warnings).toEqual(['The AVIF file has 3 frames or pages; only the first was converted.']);
  });

  it('all pages of a TIFF', async () => {
    const { path, output, warnings } = await convert('pages3.tif', 'tiff');
    expect(output).toMatchObject({ width: 40, height: 30, frames: 3 });
    expect(await sharp(path).metadata()).toMatchObject({ width: 40, height: 30, pages: 3 });
    expect(warnings).toEqual([]);
  });
});

it.each([
  ['dpi300.tif', 'tiff'],
  ['dpi300.tif', 'jpg'],
  ['dpi300.tif', 'png'],
  ['dpi300.jpg', 'tiff'],
  ['dpi300.jpg', 'jpg'],
  ['dpi300.jpg', 'png'],
])('%s to %s keeps 300 dots per inch, and no other note', async (name, target) => {
  const { path } = await convert(name, target);
  const { density, exif } = await sharp(path).metadata();
  expect({ density, exif }).toEqual({ density: 300, exif: undefined });
});

describe('the size of a drawing', () => {
  it.each([
    ['svg_mm.svg', {}, 378, 189],
    ['svg_mm.svg', { density: 300 }, 1181, 591],
    ['svg_mm.svg', { width: 1000 }, 1000, 500],
    ['svg_nosize.svg', {}, 300, 150],
    ['svg_wide_pct.svg', {}, 300, 500],
    ['svg_utf16.svg', {}, 300, 150],
    ['logo.svgz', {}, 300, 150],
  ])('%s, %j', async (name, options, width, height) => {
    const { path, output } = await convert(name, 'png', options);
    expect(output).toMatchObject({ width, height });
    expect((await coloursOf(path)).slice(0, 2)).toEqual([
      [...RED, 255],
      [...BLUE, 255],
    ]);
  });

  it('units inside it are as large as outside', async () => {
    const { path, output } = await convert('svg_mm_inner.svg', 'png');
    expect(output).toMatchObject({ width: 100, height: 100 });
    const at = async (x: number) => [
      ...(await sharp(path).extract({ left: x, top: x, width: 1, height: 1 }).raw().toBuffer()),
    ];
    expect([await at(47), await at(52)]).toEqual([
      [255, 0, 0, 255],
      [0, 0, 255, 255],
    ]);
  });

  it('is that of its root, whatever a comment before it says', async () => {
    const svg = '<!-- <svg width="9"/> --><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 60 40"/>';
    const { output } = await harness.convert(await harness.put('comment.svg', svg), 'svg', 'png');
    expect(output).toMatchObject({ width: 60, height: 40 });
  });

  it('a packed one that unfolds without end is refused', async () => {
    const bomb = gzipSync(Buffer.alloc(65 * 2 ** 20, ' '));
    await expect(harness.convert(await harness.put('bomb.svgz', bomb), 'svg', 'png')).rejects.toMatchObject({
      code: 'RESOURCE_LIMIT',
      message: 'The packed SVG unfolds to more than is allowed.',
    });
  });
});

describe('what decoders misread', () => {
  it.each([
    [
      'icon_depths.ico',
      'png',
      [
        [...RED, 255],
        [...GREEN, 255],
      ],
    ],
    ['bmp32_unused_aa.bmp', 'jpg', [BLUE, RED]],
    [
      'os2v2_pal8.bmp',
      'png',
      [
        [153, 255, 255],
        [255, 255, 153],
      ],
    ],
    [
      'gray_alpha.tga',
      'png',
      [
        [43, 43, 43, 255],
        [104, 104, 104, 255],
      ],
    ],
    [
      'ycc_alpha.jp2',
      'png',
      [
        [180, 254, 0, 255],
        [0, 255, 209, 255],
      ],
    ],
  ])('%s to %s has its own colours', async (name, target, colours) => {
    const { path, warnings } = await convert(name, target);
    await expectColours(path, colours);
    expect(warnings).toEqual([]);
  });

  it('transparency of gray_alpha.tga and ycc_alpha.jp2 survives', async () => {
    for (const name of ['gray_alpha.tga', 'ycc_alpha.jp2'])
      expect((await coloursOf((await convert(name, 'png')).path))[3]?.[3], name).toBe(0);
  });
});

describe('a JPEG that ends too early', () => {
  it('is converted when only the end mark is missing, and says so', async () => {
    const whole = await scene(96, 64).jpeg().toBuffer();
    const input = await harness.put('no-end.jpg', whole.subarray(0, -2));
    const { path, warnings } = await harness.convert(input, 'jpg', 'png');
    expect(warnings).toEqual(['The end mark of the JPEG file is missing; the picture itself is complete.']);
    expect(await sharp(path).raw().toBuffer()).toEqual(await sharp(whole).raw().toBuffer());
  });

  it('is damaged when a part of the picture is missing', async () => {
    const whole = await scene(96, 64).jpeg().toBuffer();
    const input = await harness.put('cut.jpg', whole.subarray(0, -40));
    await expect(harness.convert(input, 'jpg', 'png')).rejects.toMatchObject({ code: 'CORRUPT_INPUT' });
  });
});
