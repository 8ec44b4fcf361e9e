import { describe, expect, it } from 'vitest';
import { planConversion, requireTarget } from '../../../src/domain/jobs/plan.ts';
import { parseOptions } from '../../../src/domain/options/image.ts';

const options = parseOptions('image', {});

describe('the plan of a conversion', () => {
  it('is one step between canonical formats', () => {
    expect(planConversion({ source: 'JPEG', target: 'tif', options })).toEqual([
      { category: 'image', source: 'jpg', target: 'tiff', options },
    ]);
  });

  it('says what would be possible when the target is not', () => {
    expect(() => planConversion({ source: 'heic', target: 'svg', options })).toThrow(
      expect.objectContaining({
        code: 'UNSUPPORTED_CONVERSION',
        message: 'HEIC cannot be converted to SVG.',
        field: 'target',
        hint: expect.stringMatching(/^Possible targets: jpg, png, .*\.$/),
      }),
    );
  });

  it('does not repeat an unknown name back', () => {
    expect(() => planConversion({ source: 'png', target: '<script>', options })).toThrow(
      expect.objectContaining({ message: 'PNG cannot be converted to that format.' }),
    );
    expect(() => planConversion({ source: 'exe', target: 'png', options })).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED_CONVERSION', field: 'source' }),
    );
    expect(() => requireTarget('<script>')).toThrow('"script" is not a format that Kiln knows.');
  });

  it('names the format that was probably meant, else all that there are', () => {
    const hintAt = (hint: unknown) => expect.objectContaining({ code: 'UNSUPPORTED_CONVERSION', hint });
    expect(requireTarget('TIF').id).toBe('tiff');
    expect(() => requireTarget('webpp')).toThrow(hintAt(expect.stringMatching(/^Did you mean webp\b/)));
    expect(() => requireTarget('heix')).toThrow(hintAt(expect.stringMatching(/^The formats are jpg, png, /)));
    expect(() => planConversion({ source: 'heix', target: 'png', options })).toThrow(
      hintAt('Did you mean heic or heif?'),
    );
  });
});
