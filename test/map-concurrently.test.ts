import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { mapConcurrently } from '../src/map-concurrently.ts';

const ITEMS = Array.from({ length: 25 }, (_, i) => i);

it.each([
  [4, { concurrency: 4 }],
  [16, undefined],
])('runs %i at a time, all of them, and keeps their order', async (expected, options) => {
  let running = 0;
  let most = 0;
  const work = async (item: number, index: number) => {
    running += 1;
    most = Math.max(most, running);
    for (let i = 0; i < 1 + (item % 3); i += 1) await turn();
    running -= 1;
    return `${item} at ${index}`;
  };
  expect(await mapConcurrently(ITEMS, work, options)).toEqual(ITEMS.map((item) => `${item} at ${item}`));
  expect(most).toBe(expected);
  expect(await mapConcurrently([], work)).toEqual([]);
});

it('throws what the first failure throws, and begins nothing more', async () => {
  const begun: number[] = [];
  const work = async (item: number) => {
    begun.push(item);
    await turn();
    if (item === 2) throw new Error('broken');
  };
  await expect(mapConcurrently(ITEMS, work, { concurrency: 3 })).rejects.toThrow('broken');
  for (let round = 0; round < 25; round += 1) await turn();
  // Two others were under way, and each of them may have been followed by one before the failure.
  expect(begun.length).toBeLessThanOrEqual(5);
});

it('begins nothing more once its signal is aborted', async () => {
  const controller = new AbortController();
  const begun: number[] = [];
  const work = async (item: number) => {
    begun.push(item);
    await turn();
    if (item === 1) controller.abort(new Error('cancelled'));
  };
  const all = mapConcurrently(ITEMS, work, { concurrency: 2, signal: controller.signal });
  await expect(all).rejects.toThrow('cancelled');
  for (let round = 0; round < 25; round += 1) await turn();
  expect(begun.length).toBeLessThanOrEqual(3);
});
