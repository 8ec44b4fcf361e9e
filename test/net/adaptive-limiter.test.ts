import { describe, expect, it } from 'vitest';
import { createAdaptiveLimiter } from '../../src/net/adaptive-limiter.ts';

const good = () => true;
const bad = () => false;

describe('an adaptive limiter', () => {
  it('runs no more for one endpoint than its limit, and never calls the work that is too much', async () => {
    const limiter = createAdaptiveLimiter();
    const gate = Promise.withResolvers<number>();
    const limit = limiter.limitOf('slow');
    const entered = Array.from({ length: limit }, () => limiter.tryRun('slow', () => gate.promise, good));
    let called = false;
    const tooMuch = async () => {
      called = true;
    };
    expect(await limiter.tryRun('slow', tooMuch, good)).toBeNull();
    expect(called).toBe(false);
    expect(await limiter.tryRun('other', async () => 1, good)).toBe(1);
    gate.resolve(7);
    expect(await Promise.all(entered)).toEqual(Array(limit).fill(7));
    expect(await limiter.tryRun('slow', async () => 1, good)).toBe(1);
  });

  it('raises the limit by one with each good result up to 24, and halves it down to 1 otherwise', async () => {
    const limiter = createAdaptiveLimiter();
    const first = limiter.limitOf('a');
    await limiter.tryRun('a', async () => 1, good);
    expect(limiter.limitOf('a')).toBe(first + 1);
    for (let i = 0; i < 50; i += 1) await limiter.tryRun('a', async () => 1, good);
    expect(limiter.limitOf('a')).toBe(24);
    await limiter.tryRun('a', async () => 1, bad);
    expect(limiter.limitOf('a')).toBe(12);
    const throwing = async () => {
      throw new Error('no');
    };
    for (let i = 0; i < 6; i += 1) await expect(limiter.tryRun('a', throwing, good)).rejects.toThrow('no');
    expect(limiter.limitOf('a')).toBe(1);
    expect(await limiter.tryRun('a', async () => 1, good)).toBe(1);
  });
});
