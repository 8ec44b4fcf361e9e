import { MockActivityEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { whileHeartbeating } from '../../activities/heartbeat.ts';
import { silent } from '../support/harness/activity-harness.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** An attempt whose work ends when the test says so. */
function attempt() {
  const env = new MockActivityEnvironment({}, { logger: silent });
  const work = Promise.withResolvers<string>();
  let beats = 0;
  env.on('heartbeat', () => {
    beats += 1;
  });
  const ended = env.run(() => whileHeartbeating(() => work.promise));
  ended.catch(() => {});
  return { work, ended, beats: () => beats };
}

describe('heartbeats', () => {
  it('come once a second while the work runs, and stop with it', async () => {
    const { work, ended, beats } = attempt();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(beats()).toBe(10);
    work.resolve('done');
    expect(await ended).toBe('done');
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(beats()).toBe(10);
  });

  it('stop when the work fails', async () => {
    const { work, ended, beats } = attempt();
    await vi.advanceTimersByTimeAsync(2000);
    work.reject(new Error('no'));
    await expect(ended).rejects.toThrow('no');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(beats()).toBe(2);
  });
});
