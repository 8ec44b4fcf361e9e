/** How often something may be called; null is as often as one likes. */
export interface Quota {
  perMinute: number | null;
  perDay: number | null;
}

/** The calls of one account or address. */
export interface RateWindow {
  _id: string;
  /** How many hits are kept: the limit per minute, or 0 where there is none. */
  size: number;
  /** Milliseconds of the last `size` calls, oldest first; zeros stand for calls that never were. */
  hits: number[];
  /** Counts changes, so that the list can be exchanged as a whole when the limit changes. */
  seq: number;
  /** UTC, as YYYY-MM-DD. */
  day: string;
  dayCount: number;
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** Hits up to here have left the rolling window. */
export function windowStart(now: number): number {
  return now - MINUTE_MS;
}

export function dayOf(now: number): string {
  return new Date(now).toISOString().slice(0, 10);
}

/** A window in which nothing has happened. */
export function freshWindow(id: string, { perMinute }: Quota, now: number): RateWindow {
  const size = perMinute ?? 0;
  return { _id: id, size, hits: new Array<number>(size).fill(0), seq: 0, day: dayOf(now), dayCount: 0 };
}

/** The last hits, as many as the present limit looks at. */
export function resizedHits({ hits }: RateWindow, size: number): number[] {
  const missing = Math.max(0, size - hits.length);
  return [...new Array<number>(missing).fill(0), ...hits.slice(hits.length - size + missing)];
}

/** Why a call does not fit in, and for how many seconds it will not. */
export interface Exhausted {
  limit: 'minute' | 'day';
  seconds: number;
}

/** Null when `calls` more fit in. */
export function exhaustedBy(window: RateWindow, quota: Quota, calls: number, now: number): Exhausted | null {
  if (quota.perDay !== null && countOfDay(window, now) + calls > quota.perDay) {
    return { limit: 'day', seconds: Math.ceil((DAY_MS - (now % DAY_MS)) / 1000) };
  }
  if (quota.perMinute === null) return null;
  const blocking = resizedHits(window, quota.perMinute)[calls - 1] ?? now;
  if (blocking <= windowStart(now)) return null;
  return { limit: 'minute', seconds: Math.max(1, Math.ceil((blocking - windowStart(now)) / 1000)) };
}

/** What was used of a quota. */
export interface Usage extends Quota {
  usedThisMinute: number;
  usedToday: number;
}

export function usageOf(window: RateWindow | null, quota: Quota, now: number): Usage {
  const usedThisMinute = window?.hits.filter((hit) => hit > windowStart(now)).length ?? 0;
  return { ...quota, usedThisMinute, usedToday: window ? countOfDay(window, now) : 0 };
}

/** A clock that is a little behind counts into the day that another process has begun. */
function countOfDay({ day, dayCount }: RateWindow, now: number): number {
  return day >= dayOf(now) ? dayCount : 0;
}
