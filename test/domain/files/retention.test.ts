import { describe, expect, it } from 'vitest';
import { foldersOfSweep, orphanMs } from '../../../src/domain/files/retention.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

it.each([
  [0, 5 * MINUTE],
  [5 * MINUTE - 1, 5 * MINUTE],
  [10 * MINUTE, 10 * MINUTE],
  [6 * HOUR, 6 * HOUR],
  [24 * HOUR, 6 * HOUR],
])('bytes that nobody names are nobody’s: files live %d ms, those %d ms', (fileMs, expected) => {
  expect(orphanMs({ fileMs })).toBe(expected);
});

describe('the folders of a sweep', () => {
  /** How often each folder is looked through from `now` on, in so many sweeps. */
  function visits(settings: Parameters<typeof foldersOfSweep>[1], sweeps: number): number[] {
    const counts = new Array<number>(settings.folders).fill(0);
    for (let i = 0; i < sweeps; i += 1) {
      const { from, to } = foldersOfSweep(1000 * HOUR + i * settings.sweepMs, settings);
      for (let folder = from; folder < to; folder += 1) counts[folder] = (counts[folder] ?? 0) + 1;
    }
    return counts;
  }

  it.each([
    [10, MINUTE, 10 * MINUTE, 10, 1],
    [10, MINUTE, 5 * MINUTE, 5, 2],
    // Three at a time, of which the last has one: four sweeps.
    [10, MINUTE, 4 * MINUTE, 4, 3],
    [10, MINUTE, 1000 * MINUTE, 10, 1],
    [10, HOUR, MINUTE, 1, 10],
  ])(
    '%d folders, each %d ms, once in %d ms: all within %d sweeps of %d',
    (folders, sweepMs, cycleMs, sweeps, each) => {
      const settings = { folders, sweepMs, cycleMs };
      expect(visits(settings, sweeps)).toEqual(new Array(folders).fill(1));
      const widths = Array.from({ length: sweeps }, (_, i) => {
        const { from, to } = foldersOfSweep(i * sweepMs, settings);
        return to - from;
      });
      expect(Math.max(...widths)).toBe(each);
    },
  );
});
