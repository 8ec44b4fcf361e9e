import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, it } from 'vitest';
import { whileHeartbeating } from '../../activities/heartbeat.ts';
import { silent } from '../support/harness/activity-harness.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('heartbeats', () => {
  it('come while the work runs, and stop with it', async () => {
    const env = new MockActivityEnvironment({}, { logger: silent });
    let beats = 0;
    const beaten = new Promise<void>((resolve) =>
      env.on('heartbeat', () => {
        beats += 1;
        if (beats === 2) resolve();
      }),
    );
    await env.run(() => whileHeartbeating(() => beaten));
    const afterwards = beats;
    await pause(1500);
    expect(beats).toBe(afterwards);
  });

  it('stop when the work fails', async () => {
    const env = new MockActivityEnvironment({}, { logger: silent });
    let beats = 0;
    env.on('heartbeat', () => {
      beats += 1;
    });
    const failing = () => whileHeartbeating(async () => Promise.reject(new Error('no')));
    await expect(env.run(failing)).rejects.toThrow('no');
    await pause(1500);
    expect(beats).toBe(0);
  });
});
