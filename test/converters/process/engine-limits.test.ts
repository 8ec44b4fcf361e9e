import { expect, it } from 'vitest';
import {
  checkMediaInfo,
  checkWork,
  DEFAULT_ENGINE_LIMITS,
} from '../../../src/converters/process/engine-limits.ts';

const limits = { ...DEFAULT_ENGINE_LIMITS, maxPixels: 4_000_000, maxFrames: 10, maxPixelsTotal: 8_000_000 };
const small = { width: 10, height: 10 };
const large = { width: 2000, height: 2001 };

it.each<[string, () => void]>([
  [
    'The picture has 2000 × 2001 pixels; at most 4 megapixels are allowed (KILN_LIMIT_PIXELS).',
    () => checkMediaInfo(large, limits),
  ],
  [
    'The picture has 10 × 10 pixels; at most 99 pixels are allowed (KILN_LIMIT_PIXELS).',
    () => checkMediaInfo(small, { ...limits, maxPixels: 99 }),
  ],
  [
    'The file has 11 frames or pages; at most 10 are allowed (KILN_LIMIT_FRAMES).',
    () => checkMediaInfo({ ...small, frames: 11 }, limits),
  ],
  [
    'The result would have 2000 × 2001 pixels; at most 4 megapixels are allowed (KILN_LIMIT_PIXELS).',
    () => checkWork(small, large, 1, limits),
  ],
  [
    'All 9 frames together have 9 megapixels; at most 8 megapixels are allowed. Choose one frame with options.page.',
    () => checkWork({ width: 1000, height: 1000 }, small, 9, limits),
  ],
])('%s', (message, check) => {
  expect(check).toThrow(message);
});

it('lets pass what is exactly as large as is allowed', () => {
  checkMediaInfo({ width: 2000, height: 2000, frames: 10 }, limits);
  checkWork(small, { width: 2000, height: 2000 }, 2, limits);
});
