import { EventEmitter } from 'node:events';
import type { MongoClient } from 'mongodb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { trackAnswers, withSilenceTimeout } from '../../../src/store/mongo/silence.ts';

const driver = new EventEmitter();

beforeEach(() => {
  vi.useFakeTimers();
  trackAnswers(driver as unknown as Pick<MongoClient, 'on'>);
  // The process may have heard of another server, by another clock.
  driver.emit('connectionCheckedIn');
});
afterEach(() => {
  vi.useRealTimers();
  driver.removeAllListeners();
});

/** What has become of a call that is never answered itself. */
function lostCall() {
  const state = { givenUp: false };
  withSilenceTimeout(new Promise(() => {})).catch(() => {
    state.givenUp = true;
  });
  return state;
}

async function answers(seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i += 1) {
    await vi.advanceTimersByTimeAsync(1000);
    driver.emit('connectionCheckedIn');
  }
}

describe('a call of the store', () => {
  it('is given up when nobody hears of the server for eight seconds', async () => {
    const call = lostCall();
    await vi.advanceTimersByTimeAsync(7900);
    expect(call.givenUp).toBe(false);
    await vi.advanceTimersByTimeAsync(200);
    expect(call.givenUp).toBe(true);
  });

  it('is waited for while the server answers others, and given up once it has fallen silent', async () => {
    const call = lostCall();
    await answers(30);
    expect(call.givenUp).toBe(false);
    await vi.advanceTimersByTimeAsync(8200);
    expect(call.givenUp).toBe(true);
  });

  it('is lost after two minutes, whoever is answered', async () => {
    const call = lostCall();
    await answers(115);
    expect(call.givenUp).toBe(false);
    await answers(15);
    expect(call.givenUp).toBe(true);
  });

  it('gives back what it was answered', async () => {
    await expect(withSilenceTimeout(Promise.resolve(7))).resolves.toBe(7);
  });
});
