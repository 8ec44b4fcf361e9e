import { afterEach, describe, expect, it, vi } from 'vitest';
import { earliestId, isId, newId } from '../../src/domain/id.ts';

const PARENT = '019a0000-0000-7abc-8def-0123456789ab';

afterEach(() => vi.useRealTimers());

describe('ids', () => {
  it('are told from other texts', () => {
    expect(isId(newId())).toBe(true);
    for (const other of ['', 'job', `${PARENT}0`, PARENT.slice(1)]) expect(isId(other)).toBe(false);
  });

  it('sort behind the earliest one of their moment, and before that of the next', () => {
    const before = Date.now();
    const id = newId();
    expect(earliestId(new Date(before)) <= id).toBe(true);
    expect(earliestId(new Date(Date.now() + 1)) > id).toBe(true);
    expect(earliestId(new Date(0x19a_0000_0000))).toBe('019a0000-0000-7000-8000-000000000000');
    expect(earliestId(new Date(-5))).toBe('00000000-0000-7000-8000-000000000000');
  });

  it('sort by creation within a millisecond, and when the clock is nudged back', () => {
    vi.useFakeTimers({ now: Date.now() });
    const ids = Array.from({ length: 5000 }, newId);
    vi.setSystemTime(Date.now() - 1000);
    ids.push(newId());
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(ids).size).toBe(5001);
  });

  it('are of the present again after the clock was a day ahead', () => {
    const now = Date.now();
    vi.useFakeTimers({ now: now + 86_400_000 });
    newId();
    vi.setSystemTime(now);
    const id = newId();
    expect(earliestId(new Date(now)) <= id && id < earliestId(new Date(now + 1))).toBe(true);
  });
});
