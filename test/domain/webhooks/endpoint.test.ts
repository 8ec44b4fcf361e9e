import { describe, expect, it } from 'vitest';
import {
  liveSecrets,
  requireDescription,
  requireShortUrl,
  rotated,
} from '../../../src/domain/webhooks/endpoint.ts';

const NOW = new Date('2026-11-23T12:00:00Z');
const DAY_MS = 24 * 3_600_000;
const later = (ms: number) => new Date(NOW.getTime() + ms);

describe('the secrets of an endpoint', () => {
  const first = rotated([], 'one', NOW);
  const second = rotated(first, 'two', NOW);
  const signing = (secrets: typeof first, at: Date) =>
    liveSecrets({ secrets }, at).map(({ sealed }) => sealed);

  it('are one at first', () => {
    expect(first).toEqual([{ sealed: 'one', since: NOW, until: null }]);
    expect(signing(first, later(1000 * DAY_MS))).toEqual(['one']);
  });

  it('sign for another day after a rotation, the new one first', () => {
    expect(signing(second, NOW)).toEqual(['two', 'one']);
    expect(signing(second, later(DAY_MS - 1))).toEqual(['two', 'one']);
    expect(signing(second, later(DAY_MS))).toEqual(['two']);
  });

  it('are two at the most', () => {
    expect(signing(rotated(second, 'three', NOW), NOW)).toEqual(['three', 'two']);
  });
});

describe('what an owner writes', () => {
  it('is short enough to be shown', () => {
    expect(requireDescription(`  ${'x'.repeat(200)} `)).toHaveLength(200);
    expect(() => requireDescription('x'.repeat(201))).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', field: 'description' }),
    );
    expect(requireShortUrl('x'.repeat(2000))).toHaveLength(2000);
    expect(() => requireShortUrl('x'.repeat(2001))).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', field: 'url' }),
    );
  });
});
