import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { openConverterHarness } from '../converter-harness.ts';

const PICTURES = join(import.meta.dirname, '../../fixtures/pictures');
const COLOURS = join(PICTURES, 'apng.png');
/** Three squares of 16 that appear from left to right on a transparent picture, each leaving a different way. */
const SQUARES = join(PICTURES, 'apng_transp.png');
const harness = openConverterHarness();

/** The pixels at x of the middle row, in each frame. */
async function row(path: string, pages: number, at: number[]) {
  const frames = Array.from({ length: pages }, (_, page) => sharp(path, { page }).ensureAlpha().raw());
  return Promise.all(
    frames.map(async (frame) => {
      const { data, info } = await frame.toBuffer({ resolveWithObject: true });
      const start = Math.floor(info.height / 2) * info.width;
      return at.map((x) => [...data.subarray((start + x) * 4, (start + x) * 4 + 4)]);
    }),
  );
}

describe('an animated PNG', () => {
  it.each(['gif', 'webp'])('keeps its frames and how long each is shown as %s', async (target) => {
    const { path, output, warnings } = await harness.convert(COLOURS, 'png', target);
    expect(output).toMatchObject({ width: 32, height: 32, frames: 3 });
    expect(warnings).toEqual([]);
    const header = await sharp(path, { pages: -1 }).metadata();
    expect(header).toMatchObject({ pages: 3, pageHeight: 32, delay: [50, 200, 1000], loop: 0 });
  });

  it('shows in each frame what a browser shows', async () => {
    const { path } = await harness.convert(COLOURS, 'png', 'gif');
    expect((await row(path, 3, [16])).flat()).toEqual([
      [200, 30, 30, 255],
      [30, 170, 40, 255],
      [30, 60, 200, 255],
    ]);
  });

  it('draws, leaves and clears parts as each of them says', async () => {
    const { path } = await harness.convert(SQUARES, 'png', 'gif');
    const [red, clear] = [
      [200, 30, 30, 255],
      [0, 0, 0, 0],
    ];
    expect(await row(path, 3, [8, 24, 40])).toEqual([
      [red, clear, clear],
      [clear, red, clear],
      [clear, clear, red],
    ]);
  });

  it('is scaled frame by frame', async () => {
    const { path, output } = await harness.convert(COLOURS, 'png', 'webp', { width: 8 });
    expect(output).toMatchObject({ width: 8, height: 8, frames: 3 });
    expect(await sharp(path, { pages: -1 }).metadata()).toMatchObject({ pages: 3, pageHeight: 8 });
  });

  it('becomes its first frame elsewhere, with a note, or the one that is asked for', async () => {
    const first = await harness.convert(COLOURS, 'png', 'png');
    expect(first.warnings).toEqual(['The PNG file has 3 frames or pages; only the first was converted.']);
    const second = await harness.convert(COLOURS, 'png', 'png', { page: 2 });
    expect(second.warnings).toEqual([]);
    expect((await row(second.path, 1, [16])).flat()).toEqual([[30, 170, 40, 255]]);
    await expect(harness.convert(COLOURS, 'png', 'png', { page: 4 })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: 'The option page must be at most 3 for this file.',
    });
  });

  it('is damaged when a frame is missing, more than it says, or outside the picture', async () => {
    const bytes = await readFile(COLOURS);
    const cut = await harness.put('cut.png', bytes.subarray(0, bytes.length - 60));
    const outside = Buffer.from(bytes);
    // The left side of the second frame, 12 bytes into its control chunk.
    outside.writeUInt32BE(30, outside.indexOf('fcTL', outside.indexOf('fcTL') + 4) + 16);
    const fewer = Buffer.from(bytes);
    fewer.writeUInt32BE(2, fewer.indexOf('acTL') + 4);
    const put = harness.put;
    for (const path of [cut, await put('outside.png', outside), await put('fewer.png', fewer)])
      await expect(harness.convert(path, 'png', 'gif')).rejects.toMatchObject({ code: 'CORRUPT_INPUT' });
  });

  it('that says it has more frames than are allowed is refused by its header', async () => {
    const bytes = Buffer.from(await readFile(COLOURS));
    bytes.writeUInt32BE(5000, bytes.indexOf('acTL') + 4);
    await expect(harness.convert(await harness.put('many.png', bytes), 'png', 'gif')).rejects.toMatchObject({
      code: 'TOO_MANY_FRAMES',
    });
  });
});
