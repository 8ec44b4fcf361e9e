import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { detectFormat } from '../../src/domain/formats/detect.ts';
import { openConverterHarness } from './converter-harness.ts';
import { animation, pngChunk, pngClaiming, scene } from './made-files.ts';

const CANARY = 'canary-71c2b9';
const harness = openConverterHarness({
  limits: { maxPixels: 4_000_000, maxPixelsTotal: 8_000_000, maxFrames: 100, timeoutMs: 20_000 },
});

/** The most memory that the engine process has had so far; what is freed again counts as well. */
async function peakBytes(): Promise<number> {
  const [pid] = harness.converters.pids();
  const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

describe('pictures that are too much', () => {
  it('60,000 × 60,000 pixels are refused by the header alone', async () => {
    await harness.converters.warm();
    const input = await harness.put('bomb.png', pngClaiming(60_000, 60_000));
    const before = await peakBytes();
    await expect(harness.probe(input, 'png')).rejects.toMatchObject({
      code: 'TOO_MANY_PIXELS',
      message: 'The picture has 60000 × 60000 pixels; at most 4 megapixels are allowed (KILN_LIMIT_PIXELS).',
    });
    await expect(harness.convert(input, 'png', 'jpg')).rejects.toMatchObject({ code: 'TOO_MANY_PIXELS' });
    expect((await peakBytes()) - before).toBeLessThan(50 * 2 ** 20);
  });

  it('so they are by the second engine', async () => {
    const header = Buffer.concat([Buffer.from('qoif'), Buffer.from('0000ea600000ea600400', 'hex')]);
    const input = await harness.put('bomb.qoi', Buffer.concat([header, Buffer.alloc(100)]));
    for (const attempt of [harness.probe(input, 'qoi'), harness.convert(input, 'qoi', 'png')]) {
      await expect(attempt).rejects.toMatchObject({ code: 'TOO_MANY_PIXELS' });
    }
  });

  it('an SVG that says it is enormous is refused', async () => {
    const input = await harness.put(
      'huge.svg',
      '<svg xmlns="http://www.w3.org/2000/svg" width="30000" height="30000"/>',
    );
    await expect(harness.convert(input, 'svg', 'png')).rejects.toMatchObject({ code: 'TOO_MANY_PIXELS' });
  });

  it('a result that would be too large is refused before work begins', async () => {
    const input = await harness.put('thin.png', await scene(10, 1000).png().toBuffer());
    for (const target of ['png', 'bmp']) {
      await expect(harness.convert(input, 'png', target, { width: 5000 })).rejects.toMatchObject({
        code: 'TOO_MANY_PIXELS',
        message:
          'The result would have 5000 × 500000 pixels; at most 4 megapixels are allowed (KILN_LIMIT_PIXELS).',
      });
    }
  });

  it('too many frames, and too many pixels in all frames together', async () => {
    const many = await harness.put('many.gif', await animation('gif', 101, 4, 4));
    await expect(harness.probe(many, 'gif')).rejects.toMatchObject({
      code: 'TOO_MANY_FRAMES',
      message: 'The file has 101 frames or pages; at most 100 are allowed (KILN_LIMIT_FRAMES).',
    });
    const large = await harness.put('large.gif', await animation('gif', 20, 800, 600));
    await expect(harness.convert(large, 'gif', 'webp')).rejects.toMatchObject({ code: 'TOO_MANY_PIXELS' });
    expect((await harness.convert(large, 'gif', 'webp', { page: 20 })).output.frames).toBe(1);
  });

  it('a side that the target format cannot have', async () => {
    const input = await harness.put('long.png', await scene(17_000, 4).png().toBuffer());
    await expect(harness.convert(input, 'png', 'webp')).rejects.toMatchObject({
      code: 'TOO_MANY_PIXELS',
      message: 'A WebP picture has at most 16383 pixels on a side.',
    });
  });

  it('a compressed note that unfolds to 200 MB does not', async () => {
    const note = Buffer.concat([Buffer.from('Comment\0\0'), deflateSync(Buffer.alloc(200 * 2 ** 20))]);
    const picture = await scene(20, 20).png().toBuffer();
    // After the signature and the header chunk.
    const bomb = Buffer.concat([picture.subarray(0, 33), pngChunk('zTXt', note), picture.subarray(33)]);
    const input = await harness.put('note.png', bomb);
    const before = await peakBytes();
    const { output } = await harness.convert(input, 'png', 'jpg');
    expect(output).toMatchObject({ width: 20, height: 20 });
    expect((await peakBytes()) - before).toBeLessThan(100 * 2 ** 20);
  });
});

describe('files that are not what they seem', () => {
  it('an output has no trailing passenger of its input', async () => {
    const archive = Buffer.from('PK\x03\x04 passenger');
    const input = await harness.put('polyglot.gif', Buffer.concat([await animation('gif', 2), archive]));
    for (const target of ['gif', 'png', 'bmp']) {
      const { path } = await harness.convert(input, 'gif', target);
      expect((await readFile(path)).includes('passenger'), target).toBe(false);
    }
  });

  it.each([
    ['png', 'jpg', async () => await scene(8, 8).jpeg().toBuffer()],
    [
      'tga',
      'png',
      async () => Buffer.from('push graphic-context\nviewbox 0 0 9 9\nimage over 0,0 0,0 "/etc/passwd"\npop'),
    ],
    ['bmp', 'png', async () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')],
    ['heic', 'jpg', async () => Buffer.from('\x7fELF'.repeat(100))],
  ] as const)('bytes that are no %s are not converted as one', async (source, target, make) => {
    const input = await harness.put(`liar.${source}`, await make());
    await expect(harness.convert(input, source, target)).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:CORRUPT_INPUT|TYPE_MISMATCH)$/),
    });
  });

  it('no message carries a path', async () => {
    const input = await harness.put('broken.heic', Buffer.from('....ftypheic'));
    const error = await harness.convert(input, 'heic', 'jpg').catch((reason: Error) => reason);
    expect(String(error)).not.toMatch(/[\\/](?:tmp|var|home|work)/);
    expect(String(error)).toBe('KilnError: The file is damaged or not a complete HEIC picture.');
  });
});

describe('SVG cannot reach out', () => {
  let server: Server;
  let base: string;
  let hits = 0;

  beforeAll(async () => {
    const red = await sharp({ create: { width: 10, height: 10, channels: 3, background: '#ff0000' } })
      .png()
      .toBuffer();
    server = createServer((_request, response) => {
      hits += 1;
      response.end(red);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await harness.put('canary.png', red);
    await harness.put('canary.txt', CANARY);
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  it.each([
    ['an image from the network', () => `<image href="${base}/a.png" width="10" height="10"/>`],
    [
      'an image from a file',
      () => `<image href="file://${join(harness.folder, 'canary.png')}" width="10" height="10"/>`,
    ],
    ['an image beside it', () => '<image href="canary.png" width="10" height="10"/>'],
    [
      'a style sheet',
      () => `<style>@import url("${base}/a.css"); rect { fill: url(${base}/b.svg#x) }</style>`,
    ],
    ['a shape from elsewhere', () => `<use href="${base}/a.svg#shape"/>`],
    ['a web page inside', () => `<foreignObject><iframe src="${base}/"/></foreignObject>`],
    [
      'an included file',
      () => `<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="canary.txt" parse="text"/>`,
    ],
  ])('by %s: drawn without it', async (_what, content) => {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10">${content()}</svg>`;
    const { path } = await harness.convert(await harness.put('reach.svg', svg), 'svg', 'png');
    const pixels = await sharp(path).raw().toBuffer();
    expect(pixels.every((value) => value === 0)).toBe(true);
    expect(hits).toBe(0);
  });

  it('but what it brings along is drawn', async () => {
    const inner = (await readFile(join(harness.folder, 'canary.png'))).toString('base64');
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><image href="data:image/png;base64,${inner}" width="10" height="10"/></svg>`;
    const { path } = await harness.convert(await harness.put('own.svg', svg), 'svg', 'png');
    expect([...(await sharp(path).raw().toBuffer()).subarray(0, 4)]).toEqual([255, 0, 0, 255]);
  });

  it.each([
    [
      'a file as entity',
      () => `<!DOCTYPE svg [<!ENTITY x SYSTEM "file://${join(harness.folder, 'canary.txt')}">]>`,
    ],
    ['the network as entity', () => `<!DOCTYPE svg [<!ENTITY x PUBLIC "a" "${base}/x">]>`],
    ['a parameter entity', () => `<!DOCTYPE svg [<!ENTITY % x SYSTEM "${base}/x.dtd"> %x;]>`],
    ['a billion laughs', () => `<!DOCTYPE svg [<!ENTITY a "ha"><!ENTITY x "${'&a;'.repeat(10)}">]>`],
    [
      'a quadratic one',
      () => `<!DOCTYPE svg [<!ENTITY x "${'ha'.repeat(50_000)}">]><!--${'&x;'.repeat(100)}-->`,
    ],
    ['another encoding', () => '<?xml version="1.0" encoding="UTF-7"?>'],
  ])('refused: %s', async (_what, prolog) => {
    const svg = `${prolog()}<svg xmlns="http://www.w3.org/2000/svg" width="99" height="9"><text y="9">&x;</text></svg>`;
    const started = performance.now();
    const error = await harness
      .convert(await harness.put('entity.svg', svg), 'svg', 'png')
      .catch((reason: Error) => reason);
    expect(error).toMatchObject({ code: 'CORRUPT_INPUT' });
    expect(String(error)).not.toContain(CANARY);
    expect(performance.now() - started).toBeLessThan(2000);
    expect(hits).toBe(0);
  });

  it('plain constants, as drawing programs write them, are fine', async () => {
    const svg = `<?xml version="1.0" encoding="utf-8"?>
      <!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "${base}/svg11.dtd" [
        <!ENTITY ns_svg "http://www.w3.org/2000/svg">
      ]>
      <svg xmlns="&ns_svg;" width="10" height="10"><rect width="10" height="10" fill="#00ff00"/></svg>`;
    expect(detectFormat(Buffer.from(svg))).toBe('svg');
    const { path } = await harness.convert(await harness.put('constant.svg', svg), 'svg', 'png');
    expect([...(await sharp(path).raw().toBuffer()).subarray(0, 4)]).toEqual([0, 255, 0, 255]);
    expect(hits).toBe(0);
  });
});
