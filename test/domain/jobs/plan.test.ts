import { describe, expect, it } from 'vitest';
import { planConversion } from '../../../src/domain/jobs/plan.ts';
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
  });
});
