import { describe, expect, it } from 'vitest';
import type { FormatId } from '../../../src/domain/formats/format.ts';
import { openConverterHarness } from '../converter-harness.ts';

const harness = openConverterHarness({ limits: { timeoutMs: 20_000 } });

/** Makes a file of a header and a few bytes, without the picture that the header claims. */
function claiming(
  length: number,
  numbers: readonly [at: number, value: number, bytes: 1 | 2 | 4][],
  text = '',
) {
  const file = Buffer.alloc(length);
  file.write(text, 0, 'latin1');
  for (const [at, value, bytes] of numbers) file.writeUIntBE(value, at, bytes);
  return file;
}

const photoshop = (version: number, side: number) =>
  claiming(
    140,
    [
      [4, version, 2],
      [12, 3, 2],
      [14, side, 4],
      [18, side, 4],
      [22, 8, 2],
      [24, 3, 2],
    ],
    '8BPS',
  );
const swapped = (value: number) => Buffer.from([value & 255, value >> 8, 0, 0]).readUInt32BE();

/** Each claims 30,000 × 30,000 pixels. */
const SIDE = 30_000;
const HUGE: [FormatId, Buffer][] = [
  ['psd', photoshop(1, SIDE)],
  ['psb', photoshop(2, SIDE)],
  [
    'sgi',
    claiming(600, [
      [0, 474, 2],
      [3, 1, 1],
      [4, 3, 2],
      [6, SIDE, 2],
      [8, SIDE, 2],
      [10, 3, 2],
    ]),
  ],
  [
    'qoi',
    claiming(
      100,
      [
        [4, SIDE, 4],
        [8, SIDE, 4],
        [12, 4, 1],
      ],
      'qoif',
    ),
  ],
  [
    'ras',
    claiming(100, [
      [0, 0x59a66a95, 4],
      [4, SIDE, 4],
      [8, SIDE, 4],
      [12, 24, 4],
      [20, 1, 4],
    ]),
  ],
  [
    'ff',
    claiming(
      100,
      [
        [8, SIDE, 4],
        [12, SIDE, 4],
      ],
      'farbfeld',
    ),
  ],
  [
    'dds',
    claiming(
      200,
      [
        [4, swapped(124), 4],
        [12, swapped(SIDE), 4],
        [16, swapped(SIDE), 4],
        [76, swapped(32), 4],
        [80, swapped(65), 4],
      ],
      'DDS ',
    ),
  ],
  [
    'bmp',
    claiming(
      140,
      [
        [14, swapped(40), 4],
        [18, swapped(SIDE), 4],
        [22, swapped(SIDE), 4],
        [26, 0x0100, 2],
        [28, 0x1800, 2],
      ],
      'BM',
    ),
  ],
  [
    'tga',
    claiming(100, [
      [2, 2, 1],
      [12, 0x3075, 2],
      [14, 0x3075, 2],
      [16, 24, 1],
    ]),
  ],
  [
    'xcf',
    claiming(
      140,
      [
        [14, SIDE, 4],
        [18, SIDE, 4],
      ],
      'gimp xcf v001',
    ),
  ],
];

describe('a header that claims 30,000 × 30,000 pixels', () => {
  it.each(HUGE)('is refused before an engine takes it up: %s', async (source, bytes) => {
    const input = await harness.put(`huge.${source}`, bytes);
    const refused = {
      code: 'TOO_MANY_PIXELS',
      message:
        'The picture has 30000 × 30000 pixels; at most 100 megapixels are allowed (KILN_LIMIT_PIXELS).',
    };
    await expect(harness.probe(input, source)).rejects.toMatchObject(refused);
    await expect(harness.convert(input, source, 'png')).rejects.toMatchObject(refused);
  });

  it.each(['psd', 'psb'] as const)(
    '%s: nor one that claims what is allowed, in a file of 140 bytes',
    async (source) => {
      const input = await harness.put(`short.${source}`, photoshop(source === 'psd' ? 1 : 2, 9000));
      await expect(harness.convert(input, source, 'png')).rejects.toMatchObject({ code: 'CORRUPT_INPUT' });
    },
  );
});

describe('an SVG that says it is enormous', () => {
  it.each([
    'width="1e9" height="1e9"',
    'width="1000000000" height="1"',
    "height = '1000000000px' width='100%'",
    'width="30000km" viewBox="0 0 1000000000 1000000000"',
    'viewBox="0 0 1e9 1e9"',
    'width="400000in" height="1in"',
  ])('is refused: %s', async (size) => {
    const input = await harness.put(
      'huge.svg',
      `<svg xmlns="http://www.w3.org/2000/svg" ${size}><rect width="9" height="9"/></svg>`,
    );
    await expect(harness.convert(input, 'svg', 'png')).rejects.toMatchObject({ code: 'TOO_MANY_PIXELS' });
  });

  it('is drawn when it only has parts that are', async () => {
    const input = await harness.put(
      'parts.svg',
      '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10" viewBox="0 0 2e9 1e9"><rect width="1e9" height="1e9"/></svg>',
    );
    expect((await harness.convert(input, 'svg', 'png')).output).toMatchObject({ width: 20, height: 10 });
  });
});
