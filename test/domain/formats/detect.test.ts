import { describe, expect, it } from 'vitest';
import { DETECT_BYTES, detectFormat } from '../../../src/domain/formats/detect.ts';

const bytes = (hex: string, length = 64) =>
  Buffer.concat([Buffer.from(hex.replaceAll(' ', ''), 'hex'), Buffer.alloc(length)]);
const ftyp = (major: string, ...compatible: string[]) => {
  const box = Buffer.from(`....ftyp${major}0000${compatible.join('')}`, 'latin1');
  box.writeUInt32BE(box.length);
  return Buffer.concat([box, Buffer.from('\0\0\0\0metaavif')]);
};

describe('what the bytes are', () => {
  it.each([
    ['jpg', bytes('ffd8ffe0')],
    ['png', bytes('89504e470d0a1a0a')],
    ['webp', bytes('52494646 00100000 57454250')],
    ['gif', Buffer.from('GIF89a')],
    ['tiff', bytes('49492a00')],
    ['tiff', bytes('4d4d002a')],
    ['avif', ftyp('avif', 'mif1')],
    ['avif', ftyp('mif1', 'mif1', 'avif')],
    ['heic', ftyp('heic', 'mif1')],
    ['heic', ftyp('mif1', 'heix')],
    ['bmp', bytes('424d 46000000 00000000 36000000 28000000')],
    ['ico', bytes('00000100 0100 2020 0000 0100')],
    ['cur', bytes('00000200 0100 2020 0000 0100')],
    ['jxl', bytes('ff0a')],
    ['jp2', bytes('0000000c6a5020200d0a870a')],
    ['pgm', Buffer.from('P5\n# made by hand\n2 2\n255\n')],
    ['pam', Buffer.from('P7\nWIDTH 2\n')],
    ['xbm', Buffer.from('#define tiny_width 8\n#define tiny_height 8\n')],
    ['svg', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')],
    [
      'svg',
      Buffer.from(
        '\ufeff<?xml version="1.0"?>\n<!-- <html> -->\n<!DOCTYPE svg [<!ENTITY a "b">]>\n<svg:svg>',
      ),
    ],
    ['svg', Buffer.from('<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "svg11.dtd">\r\n<svg\n width="1">')],
  ])('%s', (format, head) => {
    expect(detectFormat(head)).toBe(format);
  });

  it('wins over the name', () => {
    expect(detectFormat(bytes('89504e470d0a1a0a'), 'photo.jpg')).toBe('png');
    expect(detectFormat(bytes('ffd8ffe0'), 'picture.tga')).toBe('jpg');
  });

  it('leaves to the name only what bytes cannot tell', () => {
    const tga = bytes('0000 02 0000000000 00000000 2000 1800 18 00');
    expect(detectFormat(tga, 'a.tga')).toBe('tga');
    expect(detectFormat(tga)).toBeUndefined();
    expect(detectFormat(bytes('49492a00'), 'shot.dng')).toBe('dng');
    expect(detectFormat(bytes('49492a00'), 'scan.tif')).toBe('tiff');
    expect(detectFormat(bytes('49492a00'), 'scan.jpg')).toBe('tiff');
    expect(detectFormat(bytes('89504e470d0a1a0a'), 'shot.dng')).toBe('png');
  });

  const tga = ({ colorMap = 0, kind = 2, depth = 24, length = 19 }) => {
    const head = Buffer.alloc(length, 1);
    head.set([0, colorMap, kind]);
    if (length > 16) head[16] = depth;
    return head;
  };
  it.each([
    [{}, true],
    [{ colorMap: 1 }, true],
    [{ colorMap: 2 }, false],
    [{ kind: 11 }, true],
    [{ kind: 0 }, false],
    [{ depth: 8 }, true],
    [{ depth: 7 }, false],
    [{ length: 18 }, false],
  ])('believes the name of a TGA file only with a plausible header: %j: %s', (header, is) => {
    expect(detectFormat(tga(header), 'a.tga')).toBe(is ? 'tga' : undefined);
  });

  it.each([
    ['00 00 01 01 00', 'wbmp'],
    ['00 00 01 01', undefined],
    ['00 00 00 01 00', undefined],
    ['01 00 01 01 00', undefined],
    ['00 01 01 01 00', undefined],
  ])('believes the name of a WBMP file only with a fixed header: %s', (hex, format) => {
    expect(detectFormat(bytes(hex, 0), 'a.wbmp')).toBe(format);
  });

  it.each([
    ['0000 0100 0100 2020 00 00', 22, 'ico'],
    ['0000 0100 0100 2020 00 00', 21, undefined],
    ['0000 0100 0001 2020 00 00', 22, 'ico'],
    ['0000 0100 0000 2020 00 00', 22, undefined],
    ['0000 0100 0100 2020 00 01', 22, undefined],
    ['0000 0101 0100 2020 00 00', 22, undefined],
    ['0000 0300 0100 2020 00 00', 22, undefined],
  ])('an icon says how many pictures it has: %s, %d bytes: %s', (hex, length, format) => {
    expect(detectFormat(bytes(hex, length - 10))).toBe(format);
  });

  it.each([
    ['P1\n1 1\n', 'pbm'],
    ['P3 # by hand\n', 'ppm'],
    ['P7\nWIDTH 1\n', 'pam'],
    ['P8\n1 1\n', undefined],
    ['P1 is a car', undefined],
    ['#define w_width 8\n', 'xbm'],
    ['/* a picture */ #define width 8\n', 'xbm'],
    ['#define WIDTH 8\n', undefined],
    ['<?xml version="1.0"?><html/>', undefined],
    ['<!DOCTYPE svg [<!ENTITY a "b">', undefined],
    ['<svgx/>', undefined],
  ])('%j begins as %s', (text, format) => {
    expect(detectFormat(Buffer.from(text))).toBe(format);
  });

  it.each([
    ['a Windows program', bytes('4d5a9000'), 'photo.jpg'],
    ['a Linux program', bytes('7f454c46'), 'photo.png'],
    ['a script', Buffer.from('<?php system($_GET["c"]); ?>'), 'photo.jpg'],
    [
      'a drawing script',
      Buffer.from('push graphic-context\nimage over 0,0 0,0 "https://example.org/"\n'),
      'photo.tga',
    ],
    ['a web page with a drawing', Buffer.from('<!DOCTYPE html><html><svg></svg></html>'), 'photo.svg'],
    ['text that begins like a bitmap', Buffer.from('BM is short for something else altogether.'), 'a.bmp'],
    ['an archive', bytes('504b0304'), 'a.png'],
    ['a film', ftyp('isom', 'mp42'), 'a.heic'],
    ['SVG in a wide encoding', Buffer.from('<svg xmlns="x"/>', 'utf16le'), 'a.svg'],
    ['nothing', Buffer.alloc(0), 'a.png'],
    ['zeros', Buffer.alloc(DETECT_BYTES), 'a.ico'],
    ['an unfinished comment', Buffer.from('<!--'.repeat(1000)), 'a.svg'],
  ])('is not a picture: %s', (_what, head, name) => {
    expect(detectFormat(head, name)).toBeUndefined();
  });
});
