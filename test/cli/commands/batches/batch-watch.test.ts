import { describe, expect, it } from 'vitest';
import { countFiles, describeCounts } from '../../../../src/cli/commands/batches/batch-watch.ts';

const NONE = { total: 40, pending: 40, ready: 0, failed: 0, cancelled: 0, expired: 0 };

describe('describeCounts', () => {
  it.each([
    [{}, '0 of 40 ready'],
    [{ pending: 27, ready: 12, failed: 1 }, '12 of 40 ready, 1 failed'],
    [{ pending: 0, ready: 35, cancelled: 3, expired: 2 }, '35 of 40 ready, 3 cancelled, 2 expired'],
  ])('tells only of what there is: %j', (counts, text) =>
    expect(describeCounts({ ...NONE, ...counts })).toBe(text),
  );
});

it('counts files as people do', () => {
  expect([0, 1, 2].map(countFiles)).toEqual(['0 files', '1 file', '2 files']);
});
