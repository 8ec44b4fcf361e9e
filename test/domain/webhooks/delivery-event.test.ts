import { describe, expect, it } from 'vitest';
import type { Actor } from '../../../src/domain/access/account.ts';
import type { Delivery, DeliveryAttempt } from '../../../src/domain/webhooks/delivery.ts';
import { deliveryEvents, seenOf } from '../../../src/domain/webhooks/delivery-event.ts';
import { createWatchDeliveries } from '../../../src/operations/webhooks/watch-deliveries.ts';
import { aDelivery, anAccountCaller } from '../../support/records.ts';

const begin = new Date('2026-01-01T00:00:00Z');
const at = (seconds: number) => new Date(begin.getTime() + seconds * 1000);
const attempt = (number: number, seconds: number, status = 500): DeliveryAttempt => ({
  number,
  at: at(seconds),
  durationMs: 100,
  status,
  networkError: null,
  responseHead: null,
});
const short = (delivery: Delivery, ...rest: [Parameters<typeof deliveryEvents>[1], Date]) =>
  deliveryEvents(delivery, ...rest).map(({ attempt: made }) => made?.number ?? delivery.state);

describe('events of a delivery', () => {
  const fresh = aDelivery({ stateSince: at(0), attempts: [attempt(1, 1)] });
  const done: Delivery = {
    ...fresh,
    state: 'delivered',
    stateSince: at(10),
    attempts: [...fresh.attempts, attempt(2, 10, 200)],
  };

  it('come in order: it begins, is tried, ends', () => {
    expect(short(fresh, undefined, at(-1))).toEqual(['pending', 1]);
    expect(short(done, undefined, at(5))).toEqual([2, 'delivered']);
    expect(short(done, seenOf(fresh), at(-1))).toEqual([2, 'delivered']);
    expect(short(fresh, seenOf({ ...fresh, attempts: [] }), at(-1))).toEqual([1]);
    expect(short(done, seenOf(done), at(-1))).toEqual([]);
    expect(short(done, undefined, at(20))).toEqual([]);
    // What happened at the very moment was told by then: the state moved at 10 s, the answer came at 10.1 s.
    expect(short(done, undefined, at(10))).toEqual([2]);
    expect(short(done, undefined, at(10.1))).toEqual([]);
  });

  it('have ids that never change', () => {
    const ids = () => deliveryEvents(done, undefined, at(-1)).map(({ eventId }) => eventId);
    expect(ids()).toEqual(ids());
    expect(new Set(ids()).size).toBe(3);
  });
});

describe('watching deliveries', () => {
  const actor: Actor = anAccountCaller({ accountId: 'a' });

  it('tells the gap and then what comes, each once, and stops when asked', async () => {
    const stored: Delivery[] = Array.from({ length: 1200 }, (_, i) =>
      aDelivery({ stateSince: at(i), updatedAt: at(i), attempts: [attempt(1, i - 0.1)] }),
    );
    const stop = new AbortController();
    const watchDeliveries = createWatchDeliveries({
      deliveries: {
        listChanged: async ({ after: { updatedAt, order }, limit }) =>
          stored
            .filter(
              (one) =>
                one.updatedAt > updatedAt ||
                (one.updatedAt.getTime() === updatedAt.getTime() && one.order > order),
            )
            .toSorted((left, right) => left.updatedAt.getTime() - right.updatedAt.getTime())
            .slice(0, limit),
        getAll: async (ids) => stored.filter(({ _id }) => ids.includes(_id)),
      },
      pollMs: 5,
    });
    const seen: string[] = [];
    const watch = { after: at(-1), signal: stop.signal };
    for await (const { eventId } of watchDeliveries(actor, watch)) {
      seen.push(eventId);
      if (seen.length === 2400)
        stored.push(aDelivery({ stateSince: new Date(), updatedAt: new Date(), state: 'delivered' }));
      if (seen.length === 2401) stop.abort();
    }
    expect(seen).toHaveLength(2401);
    expect(new Set(seen).size).toBe(2401);
  });
});
