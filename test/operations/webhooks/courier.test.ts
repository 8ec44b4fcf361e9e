import { describe, expect, it } from 'vitest';
import type { Delivery, DeliveryOutcome } from '../../../src/domain/webhooks/delivery.ts';
import { createCourier } from '../../../src/operations/webhooks/courier.ts';
import type { DeliveryStart } from '../../../src/operations/workflow-runner.ts';
import { aDelivery } from '../../support/records.ts';

function courierWith(
  deliver: (delivery: Delivery) => Promise<DeliveryOutcome>,
  { places = 2, width = 2 }: { places?: number; width?: number } = {},
) {
  const started: DeliveryStart[] = [];
  const attempted: string[] = [];
  const warned: object[] = [];
  const courier = createCourier({
    deliver: (one) => {
      attempted.push(one._id);
      return deliver(one);
    },
    runner: { startDelivery: async (start) => void started.push(start) },
    log: { warn: (details: object) => void warned.push(details) },
    places,
    widthOf: () => width,
    recentEndpoint: async () => null,
  });
  return { courier, started, attempted, warned };
}

const DELIVERED: DeliveryOutcome = { outcome: 'delivered', answer: '200' };
const delivery = (endpointId = 'endpoint') => aDelivery({ endpointId, begun: false });

describe('a courier', () => {
  it('leaves everything to workflows until its process works', async () => {
    const { courier, started, attempted } = courierWith(async () => DELIVERED);
    const one = delivery();
    await courier.take(one);
    expect(attempted).toEqual([]);
    expect(started).toMatchObject([{ deliveryId: one._id, attempt: 1, fairnessKey: 'endpoint' }]);
  });

  it('makes the first attempt, and only what has to wait becomes a workflow', async () => {
    const outcomes: DeliveryOutcome[] = [
      { outcome: 'delivered', answer: '200' },
      { outcome: 'retry', answer: '500', delayMs: 5000 },
      { outcome: 'held', answer: 'paused', delayMs: 60_000 },
      { outcome: 'failed', answer: '410' },
    ];
    const { courier, started, attempted } = courierWith(async () => outcomes.shift() as DeliveryOutcome, {
      places: 1,
      width: 1,
    });
    courier.open();
    const all = [delivery(), delivery(), delivery(), delivery()];
    for (const one of all) await courier.take(one);
    await courier.close();
    expect(attempted).toEqual(all.map(({ _id }) => _id));
    expect(started.map(({ attempt, holds, delayMs }) => ({ attempt, holds, delayMs }))).toEqual([
      { attempt: 2, holds: undefined, delayMs: 5000 },
      { attempt: 1, holds: 1, delayMs: 60_000 },
    ]);
  });

  it('gives what it has no place for, of a receiver or of all, to a workflow', async () => {
    const gate = Promise.withResolvers<void>();
    const { courier, started } = courierWith(
      async () => {
        await gate.promise;
        return DELIVERED;
      },
      { places: 2, width: 1 },
    );
    courier.open();
    await courier.take(delivery('a'));
    await courier.take(delivery('a'));
    expect(started).toHaveLength(1);
    await courier.take(delivery('b'));
    await courier.take(delivery('c'));
    expect(started.map(({ fairnessKey }) => fairnessKey)).toEqual(['a', 'c']);
    const closed = courier.close();
    await courier.take(delivery('d'));
    expect(started).toHaveLength(3);
    gate.resolve();
    await closed;
  });

  it('survives what an attempt throws, says so, and has its place again: the sweeper finds the delivery', async () => {
    const { courier, started, attempted, warned } = courierWith(
      async () => {
        throw new Error('the database is away');
      },
      { places: 1, width: 1 },
    );
    courier.open();
    const [first, second] = [delivery(), delivery()];
    await courier.take(first);
    await courier.take(second);
    await courier.close();
    expect(attempted).toEqual([first._id, second._id]);
    expect(warned).toEqual(
      [first, second].map(({ _id }) => ({ deliveryId: _id, error: 'Error: the database is away' })),
    );
    expect(started).toEqual([]);
  });

  it('leaves a callback of a job, which no endpoint stands behind, to a workflow', async () => {
    const { courier, started, attempted } = courierWith(async () => DELIVERED);
    courier.open();
    const callback = aDelivery({ endpointId: null, begun: false });
    await courier.take(callback);
    await courier.close();
    expect(attempted).toEqual([]);
    expect(started).toMatchObject([{ deliveryId: callback._id, attempt: 1 }]);
  });

  it('is closed only when the last attempt is over', async () => {
    const gate = Promise.withResolvers<DeliveryOutcome>();
    const { courier } = courierWith(() => gate.promise);
    courier.open();
    await courier.take(delivery());
    let closed = false;
    const closing = courier.close().then(() => {
      closed = true;
    });
    await new Promise(setImmediate);
    expect(closed).toBe(false);
    gate.resolve(DELIVERED);
    await closing;
  });
});
