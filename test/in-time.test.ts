import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { inTime } from '../src/in-time.ts';

it('waits for the end of the work, also for a bad one', async () => {
  expect(await inTime(60_000, Promise.resolve('done'))).toBe(true);
  expect(await inTime(60_000, Promise.reject(new Error('lost')))).toBe(true);
});

it('goes on without work that takes longer, and leaves its failure to nobody', async () => {
  const { promise, reject } = Promise.withResolvers<void>();
  expect(await inTime(1, promise)).toBe(false);
  reject(new Error('lost'));
  await sleep(0);
});
