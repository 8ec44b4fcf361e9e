import { describe, expect, it } from 'vitest';
import {
  CREDITS_PER_MINUTE,
  creditsFor,
  creditsUsed,
  exactPrice,
  priceOf,
  priceOfSteps,
  pricePerMinute,
  quoteOf,
} from '../../../src/domain/credits/price.ts';
import { FORMATS } from '../../../src/domain/formats/find-format.ts';
import type { FormatCategory } from '../../../src/domain/formats/format.ts';

describe('the price table', () => {
  it('charges for sound and moving pictures only', () => {
    const charged = Object.entries(CREDITS_PER_MINUTE).filter(([, credits]) => credits > 0);
    expect(charged.map(([category]) => category)).toEqual(['audio', 'video']);
  });

  it.each<[FormatCategory[], number]>([
    [['image', 'image'], 0],
    [['audio', 'audio'], 1],
    [['video', 'audio'], 2],
    [['image', 'video'], 2],
    [['audio', 'archive'], 1],
  ])('%j costs %i a minute: the dearer side counts', (categories, expected) => {
    expect(pricePerMinute(categories)).toBe(expected);
  });

  it.each([
    [0, 2],
    [0.1, 2],
    [60, 2],
    [60.01, 4],
    [3599, 120],
  ])('%d seconds are started minutes: %i credits at 2 each', (seconds, expected) => {
    expect(creditsFor(2, seconds)).toBe(expected);
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('a length of %d is refused', (seconds) => {
    expect(() => creditsFor(1, seconds)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
  });
});

describe('a quote', () => {
  it('needs one started minute before the job, and knows the ceiling with the length', () => {
    expect(quoteOf(2)).toEqual({ perMinute: 2, minimum: 2, ceiling: null });
    expect(quoteOf(2, 61)).toEqual({ perMinute: 2, minimum: 2, ceiling: 4 });
  });

  it('is nothing at any length where nothing is charged', () => {
    expect(priceOf('jpg', 'png')).toEqual({ perMinute: 0, minimum: 0, ceiling: 0 });
    expect(quoteOf(0, 600)).toEqual({ perMinute: 0, minimum: 0, ceiling: 0 });
    expect(() => priceOf('jpg', 'exe')).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_CONVERSION' }));
  });

  it('is nothing for every conversion between pictures', () => {
    for (const source of FORMATS.keys())
      expect(priceOfSteps([{ source, target: 'png' }], undefined)).toBeNull();
  });

  it('is exact once the file was probed, and cannot be made of a file without a length', () => {
    expect(exactPrice(1, 125)).toEqual({ perMinute: 1, ceiling: 3 });
    expect(exactPrice(0, undefined)).toBeNull();
    expect(() => exactPrice(1, undefined)).toThrow(expect.objectContaining({ code: 'NOT_SUPPORTED' }));
  });

  it('is never exceeded, and a shorter result costs less', () => {
    const price = { perMinute: 2, ceiling: 20 };
    expect(creditsUsed(price, 90)).toBe(4);
    expect(creditsUsed(price, 6000)).toBe(20);
    expect(creditsUsed(price, undefined)).toBe(20);
  });
});
