import { describe, expect, it } from 'vitest';
import { derivedId, earliestId, isId, newId, siblingId } from '../../src/domain/id.ts';

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

  it('that are derived are the same for the same name and parent only', () => {
    expect(derivedId('archive', PARENT)).toBe(derivedId('archive', PARENT));
    expect(derivedId('archive', PARENT)).not.toBe(derivedId('output', PARENT));
    expect(derivedId('archive', PARENT)).not.toBe(derivedId('archive', newId()));
  });

  it('of siblings are ids of the same moment, each its own, in their order', () => {
    const siblings = [0, 1, 15, 16, 4095].map((index) => siblingId(PARENT, 'job', index));
    expect(siblings.every(isId)).toBe(true);
    expect(siblings.map((id) => id.slice(0, 18))).toEqual(
      ['000', '001', '00f', '010', 'fff'].map((order) => `019a0000-0000-7${order}`),
    );
    expect(siblings.toSorted()).toEqual(siblings);
    expect(siblingId(PARENT, 'job')).toBe(siblings[0]);
    expect(siblingId(PARENT, 'file', 0)).not.toBe(siblings[0]);
    expect(siblingId(newId(), 'job', 1)).not.toBe(siblings[1]);
  });
});
