import { describe, expect, it } from 'vitest';
import {
  isSubscribed,
  parseSubscriptions,
  WEBHOOK_EVENTS,
} from '../../../src/domain/webhooks/webhook-event.ts';

describe('subscriptions', () => {
  it.each([
    [['*'], 'credits.low', true],
    [['*'], 'endpoint.disabled', true],
    [['job.*'], 'job.expired', true],
    [['job.*'], 'batch.finished', false],
    [['job.ready', 'file.*'], 'file.uploaded', true],
    [['job.ready'], 'job.failed', false],
    [['job.ready'], 'job.ready.more', false],
    [[], 'job.ready', false],
  ])('%j and %s: %s', (subscriptions, event, expected) => {
    expect(isSubscribed(subscriptions, event)).toBe(expected);
  });

  it('are events and wildcards, each once', () => {
    const all = Object.keys(WEBHOOK_EVENTS);
    expect(parseSubscriptions([...all, ...all, 'job.*'])).toEqual([...all, 'job.*']);
  });

  it.each([
    [[], 'An endpoint needs at least one event.'],
    ...['job', 'job.', '*.ready', 'endpoint.*', 'toString', 'endpoint.test'].map(
      (wrong): [string[], string] => [['job.ready', wrong], `"${wrong}" is no event.`],
    ),
  ])('are not %j: %s', (events, message) => {
    expect(() => parseSubscriptions(events)).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', field: 'events', message }),
    );
  });
});
