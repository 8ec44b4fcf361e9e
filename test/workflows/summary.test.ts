import { describe, expect, it } from 'vitest';
import { summaryOf } from '../../workflows/summary.ts';

describe('a summary for Temporal', () => {
  it.each([
    ['short', 'photo.png → webp', 'photo.png → webp'],
    ['of one byte a character', 'x'.repeat(300), `${'x'.repeat(197)}…`],
    ['of four bytes a character', '🍕'.repeat(100), `${'🍕'.repeat(49)}…`],
  ])('%s', (_, text, expected) => {
    expect(summaryOf(text)).toBe(expected);
    expect(Buffer.byteLength(summaryOf(text))).toBeLessThanOrEqual(200);
  });
});
