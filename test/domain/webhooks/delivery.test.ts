import { describe, expect, it } from 'vitest';
import {
  type Delivery,
  type DeliveryAttempt,
  keptAnswer,
  nextAttempt,
} from '../../../src/domain/webhooks/delivery.ts';
import { newDelivery } from '../../../src/domain/webhooks/new-delivery.ts';

describe('a new delivery', () => {
  const profile: Delivery['profile'] = 'standard';
  const fields = {
    _id: 'd',
    owner: 'account:a',
    endpointId: 'e',
    subjectId: 's',
    profile,
    url: 'https://receiver.example',
    sealedSecret: null,
    body: '{}',
    begun: false,
  };

  it('waits for its first attempt', () => {
    const delivery = newDelivery({ ...fields, event: 'job.ready' });
    expect(delivery).toMatchObject({ state: 'pending', attempts: [], roundBase: 0, jobId: 's' });
    expect(nextAttempt(delivery)).toBe(1);
  });

  it('is about a job only when its event is', () => {
    expect(newDelivery({ ...fields, event: 'batch.finished' }).jobId).toBeNull();
  });

  it('may have ended before it began', () => {
    expect(newDelivery({ ...fields, event: 'job.ready', state: 'discarded' }).state).toBe('discarded');
  });
});

it('attempts are counted on, though the oldest are forgotten', () => {
  const made = [7, 8].map((number) => ({ number }) as DeliveryAttempt);
  expect(nextAttempt({ attempts: made })).toBe(9);
});

describe('what is kept of an answer', () => {
  it('are the headers that matter, cut short', () => {
    const { responseHeaders } = keptAnswer(
      { 'content-type': 'text/plain', 'set-cookie': 'secret', location: 'x'.repeat(201) },
      '',
    );
    expect(responseHeaders).toEqual({ 'content-type': 'text/plain', location: 'x'.repeat(200) });
  });

  it('are the first 4096 bytes of its body', () => {
    expect(keptAnswer({}, 'x'.repeat(4096)).responseHead).toBe('x'.repeat(4096));
    expect(keptAnswer({}, `${'x'.repeat(4096)}y`).responseHead).toBe('x'.repeat(4096));
    expect(keptAnswer({}, `${'x'.repeat(4095)}é`).responseHead).toBe(`${'x'.repeat(4095)}\ufffd`);
    expect(keptAnswer({}, 'é'.repeat(2048)).responseHead).toBe('é'.repeat(2048));
  });
});
