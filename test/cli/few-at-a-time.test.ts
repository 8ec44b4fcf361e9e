import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { fewAtATime } from '../../src/cli/service-client/few-at-a-time.ts';

it('does four at a time, all of them, and keeps their order', async () => {
  let running = 0;
  let most = 0;
  const items = Array.from({ length: 25 }, (_, i) => i);
  const results = await fewAtATime(items, async (item, index) => {
    running += 1;
    most = Math.max(most, running);
    for (let i = 0; i < 1 + (item % 3); i += 1) await turn();
    running -= 1;
    return `${item} at ${index}`;
  });
  expect(most).toBe(4);
  expect(results).toEqual(items.map((item) => `${item} at ${item}`));
});

it('fails as its work does, and has nothing to do for nothing', async () => {
  expect(await fewAtATime([], async (item) => item)).toEqual([]);
  await expect(fewAtATime([1], () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
});
