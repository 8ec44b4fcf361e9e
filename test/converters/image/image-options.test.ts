import { readFile } from 'node:fs/promises';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { openConverterHarness } from '../converter-harness.ts';
import { animation, scene } from '../made-files.ts';

const harness = openConverterHarness();
const RED = { r: 255, g: 0, b: 0 };

/** Red left half, blue right half. */
async function halves(width: number, height: number): Promise<Sharp> {
  const left = await sharp({ create: { width: width / 2, height, channels: 3, background: RED } })
    .png()
    .toBuffer();
  return sharp({ create: { width, height, channels: 3, background: '#0000ff' } }).composite([
    { input: left, left: 0, top: 0 },
  ]);
}

async function colourAt(path: string, left: number, top: number): Promise<number[]> {
  return [...(await sharp(path).extract({ left, top, width: 1, height: 1 }).raw().toBuffer())];
}

describe('size', () => {
  it.each([
    [{ width: 50 }, 50, 25],
    [{ height: 50 }, 100, 50],
    [{ width: 50, height: 50 }, 50, 25],
    [{ width: 50, height: 50, fit: 'outside' }, 100, 50],
    [{ width: 50, height: 50, fit: 'cover' }, 50, 50],
    [{ width: 50, height: 50, fit: 'contain' }, 50, 50],
    [{ width: 50, height: 50, fit: 'fill' }, 50, 50],
    [{ width: 400 }, 400, 200],
    [{ width: 50, rotate: 90 }, 50, 100],
    [{ width: 1, height: 1 }, 1, 1],
  ])('%j makes of 200 × 100', async (options, width, height) => {
    const input = await harness.put('size.png', await scene(200, 100).png().toBuffer());
    // Both engines, since both write files.
    for (const target of ['webp', 'bmp']) {
      const { output, path } = await harness.convert(input, 'png', target, options);
      expect(output, target).toMatchObject({ width, height });
      if (target === 'webp') expect(await sharp(path).metadata()).toMatchObject({ width, height });
    }
  });

  it('contain fills the borders with the background', async () => {
    const input = await harness.put('contain.png', await (await halves(200, 100)).png().toBuffer());
    const { path } = await harness.convert(input, 'png', 'png', {
      width: 100,
      height: 100,
      fit: 'contain',
      background: '#00ff00',
    });
    expect((await colourAt(path, 50, 2)).slice(0, 3)).toEqual([0, 255, 0]);
    const clear = await harness.convert(input, 'png', 'png', { width: 100, height: 100, fit: 'contain' });
    expect((await colourAt(clear.path, 50, 2))[3]).toBe(0);
  });

  it('an icon of a photo is made as large as an icon can be, and says so', async () => {
    const input = await harness.put('photo.png', await scene(1000, 500).png().toBuffer());
    const { output, warnings } = await harness.convert(input, 'png', 'ico');
    expect(output).toMatchObject({ width: 256, height: 128 });
    expect(warnings).toEqual([
      'A Windows icon has at most 256 pixels on a side: the picture was made smaller.',
    ]);
  });
});

describe('orientation', () => {
  it.each(['jpg', 'bmp', 'tiff'])('what the camera noted is applied once (%s)', async (target) => {
    const sideways = await (await halves(80, 40))
      .withMetadata({ orientation: 6 })
      .jpeg({ quality: 100 })
      .toBuffer();
    const input = await harness.put('sideways.jpg', sideways);
    expect(await harness.probe(input, 'jpg')).toMatchObject({ width: 40, height: 80 });
    const { path, output } = await harness.convert(input, 'jpg', target, { stripMetadata: false });
    expect(output).toMatchObject({ width: 40, height: 80 });
    const upright = target === 'bmp' ? (await harness.convert(path, 'bmp', 'png')).path : path;
    // Orientation 6: the left of the stored picture is the top of the shown one.
    const [red = 0, , blue = 0] = await colourAt(upright, 20, 5);
    expect(red).toBeGreaterThan(blue);
    expect((await sharp(upright).metadata()).orientation ?? 1).toBe(1);
  });

  it('rotate, flip and flop do what their names say', async () => {
    const input = await harness.put('turn.png', await (await halves(80, 40)).png().toBuffer());
    const turned = await harness.convert(input, 'png', 'png', { rotate: 90 });
    expect((await colourAt(turned.path, 20, 5)).slice(0, 3)).toEqual([255, 0, 0]);
    const flopped = await harness.convert(input, 'png', 'png', { flop: true });
    expect((await colourAt(flopped.path, 5, 20)).slice(0, 3)).toEqual([0, 0, 255]);
    const flipped = await harness.convert(turned.path, 'png', 'png', { flip: true });
    expect((await colourAt(flipped.path, 20, 5)).slice(0, 3)).toEqual([0, 0, 255]);
  });
});

describe('transparency', () => {
  it('becomes white where the format has none, with a warning', async () => {
    const input = await harness.put(
      'clear.png',
      await sharp({ create: { width: 8, height: 8, channels: 4, background: '#00000000' } })
        .png()
        .toBuffer(),
    );
    const { path, warnings, output } = await harness.convert(input, 'png', 'jpg');
    expect(await colourAt(path, 4, 4)).toEqual([255, 255, 255]);
    expect(warnings).toEqual([
      'JPEG has no transparency: transparent parts, if there were any, are now white.',
    ]);
    expect(output.hasAlpha).toBe(false);
  });

  it('becomes the colour that is asked for, without one', async () => {
    const input = await harness.put(
      'clear.png',
      await sharp({ create: { width: 8, height: 8, channels: 4, background: '#00000000' } })
        .png()
        .toBuffer(),
    );
    for (const target of ['png', 'jpg', 'ppm']) {
      const { path, warnings } = await harness.convert(input, 'png', target, { background: '#ff0000' });
      const readable = target === 'ppm' ? (await harness.convert(path, 'ppm', 'png')).path : path;
      const [red = 0, green = 255] = await colourAt(readable, 4, 4);
      expect(red - green, target).toBeGreaterThan(240);
      expect(warnings).toEqual([]);
    }
  });

  it('survives between formats that have it', async () => {
    const input = await harness.put('half.png', await scene(20, 20, 4).png().toBuffer());
    for (const target of ['webp', 'avif', 'tiff', 'ico', 'tga', 'psd']) {
      const there = await harness.convert(input, 'png', target);
      expect(there.output.hasAlpha, target).toBe(true);
      const { path } = await harness.convert(there.path, target, 'png');
      expect(Math.abs(((await colourAt(path, 18, 18))[3] ?? 0) - 128), target).toBeLessThan(6);
    }
  });
});

describe('animation', () => {
  it.each([
    ['gif', 'webp'],
    ['webp', 'gif'],
    ['gif', 'gif'],
  ] as const)('%s to %s keeps every frame', async (source, target) => {
    const input = await harness.put(`moving.${source}`, await animation(source, 5));
    const { path, output, warnings } = await harness.convert(input, source, target, { width: 12 });
    expect(output).toMatchObject({ width: 12, height: 8, frames: 5 });
    expect(await sharp(path, { pages: -1 }).metadata()).toMatchObject({ pages: 5, pageHeight: 8 });
    expect(warnings).toEqual([]);
  });

  it('becomes its first frame elsewhere, with a warning, or the one that is asked for, without', async () => {
    const input = await harness.put('moving.gif', await animation('gif', 3));
    const { output, warnings } = await harness.convert(input, 'gif', 'png');
    expect(output.frames).toBe(1);
    expect(warnings).toEqual(['The GIF file has 3 frames or pages; only the first was converted.']);
    const third = await harness.convert(input, 'gif', 'png', { page: 3 });
    expect(third.warnings).toEqual([]);
    expect((await colourAt(third.path, 3, 3)).slice(0, 3)).toEqual([194, 62, 90]);
    await expect(harness.convert(input, 'gif', 'png', { page: 4 })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      field: 'options.page',
    });
  });

  it('is not turned silently wrong', async () => {
    const input = await harness.put('moving.gif', await animation('gif', 3));
    await expect(harness.convert(input, 'gif', 'webp', { rotate: 90 })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      field: 'options.rotate',
    });
  });
});

describe('quality, colours and metadata', () => {
  it('a lower quality is a smaller file, and lossless keeps every pixel', async () => {
    const original = await scene(200, 150).png().toBuffer();
    const input = await harness.put('quality.png', original);
    for (const target of ['jpg', 'webp', 'avif', 'jxl']) {
      const low = await harness.convert(input, 'png', target, { quality: 10 });
      const high = await harness.convert(input, 'png', target, { quality: 95 });
      const [small, large] = await Promise.all([readFile(low.path), readFile(high.path)]);
      expect(small.length, target).toBeLessThan(large.length);
    }
    const { path } = await harness.convert(input, 'png', 'webp', { lossless: true });
    expect(await sharp(path).raw().toBuffer()).toEqual(await sharp(original).raw().toBuffer());
  });

  it.each(['png', 'webp', 'gif', 'avif', 'jxl'])(
    'more effort makes a smaller %s of the same picture',
    async (target) => {
      const input = await harness.put('effort.png', await scene(200, 150).png().toBuffer());
      const sizes: number[] = [];
      for (const effort of [0, 9]) {
        const { path, warnings, output } = await harness.convert(input, 'png', target, { effort });
        expect({ warnings, width: output.width }).toEqual({ warnings: [], width: 200 });
        sizes.push((await readFile(path)).length);
      }
      expect(sizes[1]).toBeLessThan(sizes[0] ?? 0);
    },
  );

  it('says which option changed nothing', async () => {
    const input = await harness.put('quality.png', await scene(20, 20).png().toBuffer());
    expect((await harness.convert(input, 'png', 'bmp', { quality: 50 })).warnings).toEqual([
      'The option quality has no effect on BMP.',
    ]);
  });

  it('notes about the camera and the place stay out unless they are wanted', async () => {
    const noted = scene(20, 20).withExif({ IFD0: { Make: 'Kiln', Copyright: 'Ada' } });
    const input = await harness.put('noted.jpg', await noted.jpeg().toBuffer());
    const bare = await harness.convert(input, 'jpg', 'webp');
    expect((await sharp(bare.path).metadata()).exif).toBeUndefined();
    const kept = await harness.convert(input, 'jpg', 'webp', { stripMetadata: false });
    expect((await sharp(kept.path).metadata()).exif?.toString('latin1')).toContain('Ada');
  });

  it('a wide colour space becomes sRGB without changing what is seen', async () => {
    const wide = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#c04030' } })
      .withIccProfile('p3')
      .png()
      .toBuffer();
    const input = await harness.put('wide.png', wide);
    for (const target of ['png', 'bmp']) {
      const { path } = await harness.convert(input, 'png', target);
      const plain = target === 'png' ? path : (await harness.convert(path, 'bmp', 'png')).path;
      const [red = 0, green = 0, blue = 0] = await colourAt(plain, 4, 4);
      expect(
        Math.max(Math.abs(red - 0xc0), Math.abs(green - 0x40), Math.abs(blue - 0x30)),
        target,
      ).toBeLessThan(4);
    }
  });
});
