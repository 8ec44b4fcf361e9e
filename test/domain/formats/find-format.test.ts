import { describe, expect, it } from 'vitest';
import {
  converterSlug,
  FORMATS,
  findFormat,
  formatOfFilename,
  formatOfMime,
  outputFilename,
  parseConverterSlug,
  targetsOf,
} from '../../../src/domain/formats/find-format.ts';

describe('the format table', () => {
  it('names every extension and every media type once', () => {
    const formats = [...FORMATS.values()];
    const extensions = formats.flatMap((format) => format.extensions);
    const mimes = formats.flatMap((format) => [format.mime, ...format.otherMimes]);
    expect(new Set(extensions).size).toBe(extensions.length);
    expect(new Set(mimes).size).toBe(mimes.length);
    expect(formats.every(({ id, extensions }) => extensions[0] === id)).toBe(true);
  });

  it('holds nothing that can neither be read nor written', () => {
    const useless = [...FORMATS.values()].filter(
      ({ readers, writers }) => readers.length + writers.length === 0,
    );
    expect(useless).toEqual([]);
  });

  it.each([
    ['jpeg', 'jpg'],
    ['JPG', 'jpg'],
    ['tif', 'tiff'],
    ['heif', 'heic'],
    ['jxl', 'jxl'],
  ])('finds %s as %s', (alias, id) => {
    expect(findFormat(alias)?.id).toBe(id);
  });

  it.each(['', 'exe', '__proto__', 'constructor', 'toString'])('does not find "%s"', (id) => {
    expect(findFormat(id)).toBeUndefined();
  });

  it('finds formats by file name and by media type', () => {
    expect(formatOfFilename('Holiday.2024.JPEG')?.id).toBe('jpg');
    expect(formatOfFilename('README')).toBeUndefined();
    expect(formatOfMime('image/JPG; charset=binary')?.id).toBe('jpg');
    expect(formatOfMime('text/plain')).toBeUndefined();
  });

  it('offers targets only where there is a reader and a writer', () => {
    expect(targetsOf('heic')).toEqual(expect.arrayContaining(['jpg', 'png', 'webp', 'avif', 'ico']));
    expect(targetsOf('heic')).not.toContain('heic');
    expect(targetsOf('png')).toContain('png');
    expect(targetsOf('png')).not.toContain('svg');
    expect(targetsOf('exe')).toEqual([]);
  });
});

describe('the name of a converter', () => {
  it('reads back what it wrote, for every pair', () => {
    for (const source of FORMATS.keys()) {
      for (const target of targetsOf(source)) {
        expect(parseConverterSlug(converterSlug(source, target))).toEqual({ source, target });
      }
    }
  });

  it('takes aliases', () => {
    expect(parseConverterSlug('jpeg-to-tif')).toEqual({ source: 'jpg', target: 'tiff' });
  });

  it.each(['', 'jpg', 'jpg-to-', 'jpg-to-png-to-webp', 'jpg-to-svg', 'exe-to-png', 'jpg_to_png'])(
    'refuses "%s"',
    (slug) => {
      expect(parseConverterSlug(slug)).toBeUndefined();
    },
  );
});

describe('the name of a result', () => {
  it.each([
    ['hero.jpg', 'hero.png'],
    ['archive.tar.gz', 'archive.tar.png'],
    ['写真 1.heic', '写真 1.png'],
    ['no extension', 'no extension.png'],
    ['.htaccess', 'htaccess.png'],
    ['../../etc/passwd', 'passwd.png'],
    ['C:\\Users\\me\\photo.jpg', 'photo.png'],
    ['/', 'file.png'],
    ['', 'file.png'],
    ['..', 'file.png'],
    ['-rf.jpg', 'rf.png'],
    ['CON.jpg', 'CON_.png'],
    ['a\u0000b\r\nSet-Cookie: x.jpg', 'abSet-Cookie_ x.png'],
    ['invoice\u202Egnp.exe', 'invoicegnp.png'],
    ['a"b<c>|d*.jpg', 'a_b_c__d_.png'],
  ])('of %j is %j', (input, output) => {
    expect(outputFilename(input, 'png')).toBe(output);
  });

  it.each([
    ['x'.repeat(200), 200],
    ['x'.repeat(201), 200],
    ['é'.repeat(101), 100],
    [`x${'é'.repeat(100)}`, 100],
  ])('of %j keeps %d characters', (stem, kept) => {
    expect(outputFilename(`${stem}.jpg`, 'png')).toBe(`${stem.slice(0, kept)}.png`);
  });

  it('stays short enough for any file system, and whole in its characters', () => {
    const name = outputFilename(`${'😀'.repeat(4096)}.jpg`, 'webp');
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
    expect(name.isWellFormed()).toBe(true);
  });
});
