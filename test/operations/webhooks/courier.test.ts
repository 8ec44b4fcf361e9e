import { describe, expect, it } from 'vitest';
import type { Delivery, DeliveryOutcome } from '../../../src/domain/webhooks/delivery.ts';
import { createLog } from '../../../src/log.ts';
import { createCourier } from '../../../src/operations/webhooks/courier.ts';
import type { DeliveryStart } from '../../../src/operations/workflow-runner.ts';
import { aDelivery } from '../../support/records.ts';

function courierWith(
  deliver: (delivery: Delivery) => Promise<DeliveryOutcome>,
  { places = 2, width = 2 }: { places?: number; width?: number } = {},
) {
  const started: DeliveryStart[] = [];
  const courier = createCourier({
    deliver,
    runner: { startDelivery: async (start) => void started.push(start) },
    log: createLog('silent'),
    places,
    widthOf: () => width,
    recentEndpoint: async () => null,
  });
  return { courier, started };
}

const delivery = (endpointId = 'endpoint') => aDelivery({ endpointId, begun: false });

describe('a courier', () => {
  it('leaves everything to workflows until its process works', async () => {
    const { courier, started } = courierWith(async () => ({ outcome: 'delivered', answer: '200' }));
    const one = delivery();
    await courier.take(one);
    expect(started).toMatchObject([{ deliveryId: one._id, attempt: 1, fairnessKey: 'endpoint' }]);
  });

  it('makes the first attempt, and only what has to wait becomes a workflow', async () => {
    const outcomes: DeliveryOutcome[] = [
      { outcome: 'delivered', answer: '200' },
      { outcome: 'retry', answer: '500', delayMs: 5000 },
      { outcome: 'held', answer: 'paused', delayMs: 60_000 },
      { outcome: 'failed', answer: '410' },
    ];
    const { courier, started } = courierWith(async () => outcomes.shift() as DeliveryOutcome, {
      places: 1,
      width: 1,
    });
    courier.open();
    for (let i = 0; i < 4; i += 1) await courier.take(delivery());
    await courier.close();
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
        return { outcome: 'delivered', answer: '200' };
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

  it('survives what an attempt throws: the sweeper finds the delivery', async () => {
    const { courier, started } = courierWith(async () => {
      throw new Error('the database is away');
    });
    courier.open();
    await courier.take(delivery());
    await courier.close();
    expect(started).toEqual([]);
  });
});
