import { describe, expect, it } from 'vitest';
import {
  exhaustedBy,
  freshWindow,
  type RateWindow,
  resizedHits,
  usageOf,
} from '../../../src/domain/access/rate-window.ts';

const NOW = Date.parse('2026-11-23T23:59:00Z');
const UNLIMITED = { perMinute: null, perDay: null };

/** The window of somebody whose last calls were so many milliseconds ago. */
function called(...ago: number[]): RateWindow {
  const hits = ago.map((ms) => NOW - ms);
  return { ...freshWindow('a', { perMinute: ago.length, perDay: null }, NOW), hits, dayCount: ago.length };
}

describe('calls per minute', () => {
  const quota = { perMinute: 3, perDay: null };

  it('are free in a window in which nothing has happened', () => {
    const fresh = freshWindow('a', quota, NOW);
    expect(fresh).toEqual({ _id: 'a', size: 3, hits: [0, 0, 0], seq: 0, day: '2026-11-23', dayCount: 0 });
    expect(exhaustedBy(fresh, quota, 3, NOW)).toBeNull();
    expect(freshWindow('a', UNLIMITED, NOW).hits).toEqual([]);
  });

  it('are used up until the oldest call is a minute old, to the millisecond', () => {
    expect(exhaustedBy(called(59_999, 10, 5), quota, 1, NOW)).toEqual({ limit: 'minute', seconds: 1 });
    expect(exhaustedBy(called(60_000, 10, 5), quota, 1, NOW)).toBeNull();
    expect(exhaustedBy(called(30_000, 10, 5), quota, 1, NOW)).toEqual({ limit: 'minute', seconds: 30 });
    expect(exhaustedBy(called(29_999, 10, 5), quota, 1, NOW)).toEqual({ limit: 'minute', seconds: 31 });
  });

  it('of several at once wait for as many to leave', () => {
    expect(exhaustedBy(called(60_000, 20_000, 5), quota, 2, NOW)).toEqual({ limit: 'minute', seconds: 40 });
    expect(exhaustedBy(called(60_000, 60_000, 5), quota, 2, NOW)).toBeNull();
    // More than ever fit in: a minute from now is as good as any answer.
    expect(exhaustedBy(called(90_000, 90_000, 90_000), quota, 4, NOW)).toEqual({
      limit: 'minute',
      seconds: 60,
    });
  });

  it('follow a limit that was changed meanwhile', () => {
    expect(resizedHits(called(3, 2, 1), 2)).toEqual([NOW - 2, NOW - 1]);
    expect(resizedHits(called(3, 2, 1), 3)).toEqual([NOW - 3, NOW - 2, NOW - 1]);
    expect(resizedHits(called(2, 1), 4)).toEqual([0, 0, NOW - 2, NOW - 1]);
    expect(exhaustedBy(called(10, 5), { perMinute: 3, perDay: null }, 1, NOW)).toBeNull();
    expect(exhaustedBy(called(90_000, 10, 5), { perMinute: 2, perDay: null }, 1, NOW)).not.toBeNull();
  });
});

describe('calls per day', () => {
  const quota = { perMinute: null, perDay: 10 };
  const counted = (dayCount: number, day = '2026-11-23') => ({ ...called(), dayCount, day });

  it('are used up until midnight UTC', () => {
    expect(exhaustedBy(counted(9), quota, 1, NOW)).toBeNull();
    expect(exhaustedBy(counted(10), quota, 1, NOW)).toEqual({ limit: 'day', seconds: 60 });
    expect(exhaustedBy(counted(9), quota, 2, NOW)).toEqual({ limit: 'day', seconds: 60 });
    expect(exhaustedBy(counted(10), quota, 1, NOW - 1)).toEqual({ limit: 'day', seconds: 61 });
  });

  it('begin anew each day, but not for a clock that is a little behind', () => {
    expect(exhaustedBy(counted(10, '2026-11-22'), quota, 1, NOW)).toBeNull();
    expect(exhaustedBy(counted(10, '2026-11-24'), quota, 1, NOW)).toMatchObject({ limit: 'day' });
  });

  it('come before those per minute: they last longer', () => {
    const both = { perMinute: 1, perDay: 1 };
    expect(exhaustedBy(called(5), both, 1, NOW)).toMatchObject({ limit: 'day' });
  });
});

describe('what was used', () => {
  it('is counted over a minute and a day', () => {
    const quota = { perMinute: 3, perDay: 10 };
    expect(usageOf(called(60_000, 59_999, 1), quota, NOW)).toEqual({
      ...quota,
      usedThisMinute: 2,
      usedToday: 3,
    });
    expect(usageOf(null, quota, NOW)).toEqual({ ...quota, usedThisMinute: 0, usedToday: 0 });
    expect(usageOf({ ...called(1), day: '2026-11-22' }, quota, NOW)).toMatchObject({ usedToday: 0 });
  });

  it('never blocks where there is no limit', () => {
    expect(exhaustedBy({ ...called(1, 1, 1), dayCount: 1e9 }, UNLIMITED, 1000, NOW)).toBeNull();
  });
});
