import { v7 as uuidv7, validate } from 'uuid';

/** A clock that goes back by more than this was set right; by less, it was nudged. */
const CLOCK_SET_MS = 10_000;
const last = { msecs: 0, seq: 0 };

/**
 * Returns a time-ordered id (UUID version 7): sorting by id sorts by creation time, also within a millisecond and
 * when the clock is nudged back. When it is set back, ids follow it, so that lists by time find them.
 */
export function newId(): string {
  const now = Date.now();
  const isNewTime = now > last.msecs || last.msecs - now > CLOCK_SET_MS;
  last.seq = isNewTime ? Math.floor(Math.random() * 2 ** 31) : last.seq + 1;
  if (isNewTime) last.msecs = now;
  return uuidv7({ ...last });
}

/** Sorts before every id that was made at this time or later. */
export function earliestId(at: Date): string {
  const milliseconds = Math.max(at.getTime(), 0).toString(16).padStart(12, '0');
  return `${milliseconds.slice(0, 8)}-${milliseconds.slice(8)}-7000-8000-000000000000`;
}

export function isId(value: string): boolean {
  return validate(value);
}
