import { describe, expect, it } from 'vitest';
import { earliestId, isId, newId } from '../../src/domain/id.ts';

const PARENT = '019a0000-0000-7abc-8def-0123456789ab';

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
});
