import { describe, expect, it } from 'vitest';
import { retryAfterSeconds } from '../../../src/domain/webhooks/backoff.ts';
import {
  type AttemptResult,
  type AttemptVerdict,
  judgeAttempt,
  saysAbort,
  WEBHOOK_SCHEDULES,
  type WebhookProfile,
} from '../../../src/domain/webhooks/webhook-profile.ts';

const HOUR = 3_600_000;

/** The waits of a delivery that always meets the same result, and how it ends. */
function run(profile: WebhookProfile, result: AttemptResult, jitter = 0.5) {
  const delays: number[] = [];
  for (let attempt = 1; ; attempt += 1) {
    const verdict: AttemptVerdict = judgeAttempt(profile, attempt, result, jitter);
    if (verdict.outcome !== 'retry') return { attempts: attempt, delays, verdict };
    delays.push(verdict.delayMs);
  }
}

const exhausted = { outcome: 'failed', reason: 'exhausted' };
const failures: AttemptResult[] = [
  ...[100, 199, 300, 301, 304, 400, 404, 429, 500, 503].map((status) => ({ status })),
  { networkError: 'timeout' },
  { networkError: 'blocked' },
];

describe('every profile', () => {
  it.each(['swapmyfile', 'standard'] as const)('%s: any 2xx delivers, at any attempt', (profile) => {
    for (const status of [200, 201, 204, 299]) {
      for (const attempt of [1, 4, 10]) {
        expect(judgeAttempt(profile, attempt, { status }, 0)).toEqual({ outcome: 'delivered' });
      }
    }
  });
});

describe('swapmyfile', () => {
  it('tries once and three times again, 1 s, 3 s and 9 s apart, whatever went wrong', () => {
    for (const result of [...failures, { status: 410 }]) {
      for (const jitter of [0, 1]) {
        expect(run('swapmyfile', result, jitter)).toEqual({
          attempts: 4,
          delays: [1000, 3000, 9000],
          verdict: exhausted,
        });
      }
    }
    expect(WEBHOOK_SCHEDULES.swapmyfile.timeoutMs).toBe(5000);
  });

  it('keeps its own pace when asked to wait', () => {
    const verdict = judgeAttempt('swapmyfile', 1, { status: 503, retryAfterSeconds: 60 }, 0.5);
    expect(verdict).toEqual({ outcome: 'retry', delayMs: 1000 });
  });
});

describe('standard', () => {
  it('tries ten times within 75 h 35 m 5 s, whatever went wrong', () => {
    for (const result of failures) {
      const { attempts, delays, verdict } = run('standard', result);
      expect({ attempts, verdict }).toEqual({ attempts: 10, verdict: exhausted });
      expect(delays.reduce((sum, delay) => sum + delay, 0)).toBe(75 * HOUR + 35 * 60_000 + 5000);
    }
    expect(WEBHOOK_SCHEDULES.standard.timeoutMs).toBe(15_000);
  });

  it('spreads each wait by a tenth to either side', () => {
    const [least, plain, most] = [0, 0.5, 1].map((jitter) => run('standard', { status: 500 }, jitter).delays);
    expect(least?.map((delay) => delay / 0.9)).toEqual(plain);
    expect(most?.[1]).toBe(330_000);
    expect(most?.[8]).toBe(26.4 * HOUR);
  });

  it('stops at 410 and says that the endpoint is gone', () => {
    const verdict = judgeAttempt('standard', 1, { status: 410, retryAfterSeconds: 1 }, 0.5);
    expect(verdict).toEqual({ outcome: 'failed', reason: 'gone' });
  });

  it('waits as long as it is asked to, but never less than its schedule or more than a day', () => {
    const delayAfter = (attempt: number, seconds: number) =>
      judgeAttempt('standard', attempt, { status: 429, retryAfterSeconds: seconds }, 0.5);
    expect(delayAfter(1, 90)).toEqual({ outcome: 'retry', delayMs: 90_000 });
    expect(delayAfter(2, 1)).toEqual({ outcome: 'retry', delayMs: 300_000 });
    expect(delayAfter(1, 999_999_999)).toEqual({ outcome: 'retry', delayMs: 24 * HOUR });
    expect(delayAfter(10, 5)).toEqual(exhausted);
  });
});

describe('an answer that ends a delivery', () => {
  it('is understood by the standard profile only', () => {
    const result = { status: 500, aborts: true };
    expect(judgeAttempt('standard', 1, result, 0.5)).toEqual({ outcome: 'failed', reason: 'aborted' });
    expect(judgeAttempt('standard', 1, { status: 200, aborts: true }, 0.5).outcome).toBe('delivered');
    expect(judgeAttempt('standard', 1, { status: 500, aborts: false }, 0.5).outcome).toBe('retry');
    expect(judgeAttempt('swapmyfile', 1, result, 0.5).outcome).toBe('retry');
  });

  it.each([
    ['abort', true],
    [' Abort-Message ', true],
    ['aborted', false],
    ['', false],
    [undefined, false],
  ])('says so by %j: %s', (header, aborts) => {
    expect(saysAbort(header)).toBe(aborts);
  });

  it('cannot come to what was never sent, since nobody can sign it', () => {
    for (const profile of ['swapmyfile', 'standard'] as const)
      expect(judgeAttempt(profile, 1, { networkError: 'unsigned' }, 0.5)).toEqual({
        outcome: 'failed',
        reason: 'unsigned',
      });
  });
});

describe('Retry-After', () => {
  const now = new Date('2026-11-23T12:00:00Z');

  it.each([
    ['120', 120],
    [' 0 ', 0],
    ['Mon, 23 Nov 2026 12:01:30 GMT', 90],
    ['Monday, 23-Nov-26 12:00:10 GMT', 10],
    ['Mon, 23 Nov 2026 11:00:00 GMT', 0],
    ['-5', undefined],
    ['1.5', undefined],
    ['99999999999', undefined],
    ['soon', undefined],
    ['Someday', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%j is %j seconds', (header, seconds) => {
    expect(retryAfterSeconds(header, now)).toBe(seconds);
  });
});
