import { describe, expect, it } from 'vitest';
import {
  type Admission,
  emptyAdmission,
  hasQueue,
  isIdle,
  nextTickets,
  positionOf,
} from '../../../src/domain/jobs/admission.ts';

const NOW = 1_700_000_000_000;
const EMPTY = emptyAdmission('a', NOW, new Date(NOW));

function waiting(single: number, batch: number): Admission {
  return { ...EMPTY, single: { head: 10, waiting: single }, batch: { head: 50, waiting: batch } };
}

describe('an empty admission', () => {
  it('gives out numbers behind all that an earlier one of its name can have given out', () => {
    expect(EMPTY.single.head).toBe(NOW * 1000);
    expect(EMPTY.batch).toEqual(EMPTY.single);
    expect(EMPTY.batch).not.toBe(EMPTY.single);
  });

  it('is idle until something is in it', () => {
    expect(isIdle(EMPTY)).toBe(true);
    expect(isIdle({ ...EMPTY, open: ['job'] })).toBe(false);
    expect(isIdle({ ...EMPTY, active: ['job'] })).toBe(false);
    expect(isIdle(waiting(1, 0))).toBe(false);
    expect(isIdle(waiting(0, 1))).toBe(false);
    expect([waiting(0, 0), waiting(1, 0), waiting(0, 1)].map(hasQueue)).toEqual([false, true, true]);
  });
});

describe('whose turn it is', () => {
  const tickets = (admission: Admission, count: number) =>
    nextTickets(admission, count).map(({ queue, number }) => `${queue} ${number}`);

  it('is that of single jobs before those of batches, each in their order', () => {
    expect(tickets(waiting(2, 2), 3)).toEqual(['single 10', 'single 11', 'batch 50']);
    expect(tickets(waiting(3, 2), 2)).toEqual(['single 10', 'single 11']);
    expect(tickets(waiting(0, 2), 5)).toEqual(['batch 50', 'batch 51']);
    expect(tickets(waiting(1, 1), 0)).toEqual([]);
    expect(nextTickets(waiting(1, 0), 1)).toEqual([{ concurrencyKey: 'a', queue: 'single', number: 10 }]);
  });

  it('says how many come before', () => {
    const at = (queue: 'single' | 'batch', number: number) =>
      positionOf(waiting(2, 2), { concurrencyKey: 'a', queue, number });
    expect([at('single', 9), at('single', 10), at('single', 11)]).toEqual([null, 1, 2]);
    expect([at('batch', 49), at('batch', 50), at('batch', 51)]).toEqual([null, 3, 4]);
  });
});
