import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createKeyUsage } from '../../../src/operations/access/key-usage.ts';
import type { KeyUse } from '../../../src/store/api-keys.ts';

const START = new Date('2026-11-23T12:00:00Z');
const SECOND = 1000;
beforeEach(() => {
  vi.useFakeTimers({ now: START });
});
afterEach(() => {
  vi.useRealTimers();
});

/** What is written down, by a database that fails as often as it is told to. */
function usageWith(failures = 0) {
  const written: KeyUse[][] = [];
  const warn = vi.fn();
  let left = failures;
  const usage = createKeyUsage({
    keys: {
      async addUses(uses) {
        if (left-- > 0) throw new Error('the database is away');
        written.push([...uses]);
      },
    },
    log: { warn },
  });
  return { usage, written, warn };
}

it('uses are written down every ten seconds, all keys together', async () => {
  const { usage, written } = usageWith();
  usage.note('a');
  await vi.advanceTimersByTimeAsync(4 * SECOND);
  usage.note('a');
  usage.note('b');
  await vi.advanceTimersByTimeAsync(6 * SECOND - 1);
  expect(written).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  const at = new Date(START.getTime() + 4 * SECOND);
  expect(written).toEqual([
    [
      { keyId: 'a', count: 2, lastUsedAt: at },
      { keyId: 'b', count: 1, lastUsedAt: at },
    ],
  ]);
  await vi.advanceTimersByTimeAsync(60 * SECOND);
  expect(written).toHaveLength(1);
  await usage.close();
});

it('what could not be written is written with the next round, and counts once', async () => {
  const { usage, written, warn } = usageWith(1);
  usage.note('a');
  await vi.advanceTimersByTimeAsync(10 * SECOND);
  expect(warn).toHaveBeenCalledTimes(1);
  usage.note('a');
  await vi.advanceTimersByTimeAsync(10 * SECOND);
  expect(written).toEqual([[{ keyId: 'a', count: 2, lastUsedAt: new Date(START.getTime() + 10 * SECOND) }]]);
  await usage.close();
});

it('the end writes down what is left, and nothing comes after it', async () => {
  const { usage, written } = usageWith();
  usage.note('a');
  await usage.close();
  expect(written).toEqual([[{ keyId: 'a', count: 1, lastUsedAt: START }]]);
  expect(vi.getTimerCount()).toBe(0);
});
