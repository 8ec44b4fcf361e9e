import { describe, expect, it } from 'vitest';
import type { Delivery, DeliveryOutcome } from '../../../src/domain/webhooks/delivery.ts';
import { createDeliveryQueue } from '../../../src/operations/webhooks/delivery-queue.ts';
import { createDispatcher } from '../../../src/operations/webhooks/dispatcher.ts';
import type { DeliveryStart } from '../../../src/operations/workflow-runner.ts';
import { aDelivery } from '../../support/records.ts';

function dispatcherWith(
  deliver: (delivery: Delivery) => Promise<DeliveryOutcome>,
  { maxConcurrent = 2, limit = 2 }: { maxConcurrent?: number; limit?: number } = {},
) {
  const started: DeliveryStart[] = [];
  const attempted: string[] = [];
  const warned: object[] = [];
  const queue = createDeliveryQueue();
  const dispatcher = createDispatcher({
    queue,
    deliver: (one) => {
      attempted.push(one._id);
      return deliver(one);
    },
    runner: { startDelivery: async (start) => void started.push(start) },
    log: { warn: (details: object) => void warned.push(details) },
    maxConcurrent,
    limitOf: () => limit,
    recentEndpoint: async () => null,
  });
  return { dispatcher, queue, started, attempted, warned };
}

const DELIVERED: DeliveryOutcome = { outcome: 'delivered', answer: '200' };
const delivery = (endpointId = 'endpoint') => aDelivery({ endpointId, begun: false });

describe('a dispatcher', () => {
  it('leaves everything to workflows until its process works', async () => {
    const { dispatcher, started, attempted } = dispatcherWith(async () => DELIVERED);
    const one = delivery();
    await dispatcher.dispatch(one);
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
    const { dispatcher, started, attempted } = dispatcherWith(
      async () => outcomes.shift() as DeliveryOutcome,
      { maxConcurrent: 1, limit: 1 },
    );
    dispatcher.open();
    const all = [delivery(), delivery(), delivery(), delivery()];
    for (const one of all) await dispatcher.dispatch(one);
    await dispatcher.close();
    expect(attempted).toEqual(all.map(({ _id }) => _id));
    expect(started.map(({ attempt, holds, delayMs }) => ({ attempt, holds, delayMs }))).toEqual([
      { attempt: 2, holds: undefined, delayMs: 5000 },
      { attempt: 1, holds: 1, delayMs: 60_000 },
    ]);
  });

  it('starts a workflow for what finds no free slot, of its endpoint or of all', async () => {
    const gate = Promise.withResolvers<void>();
    const { dispatcher, started } = dispatcherWith(
      async () => {
        await gate.promise;
        return DELIVERED;
      },
      { maxConcurrent: 2, limit: 1 },
    );
    dispatcher.open();
    await dispatcher.dispatch(delivery('a'));
    await dispatcher.dispatch(delivery('a'));
    expect(started).toHaveLength(1);
    await dispatcher.dispatch(delivery('b'));
    await dispatcher.dispatch(delivery('c'));
    expect(started.map(({ fairnessKey }) => fairnessKey)).toEqual(['a', 'c']);
    const closed = dispatcher.close();
    await dispatcher.dispatch(delivery('d'));
    expect(started).toHaveLength(3);
    gate.resolve();
    await closed;
  });

  it('survives what an attempt throws, says so, and has its slot again', async () => {
    const { dispatcher, started, attempted, warned } = dispatcherWith(
      async () => {
        throw new Error('the database is away');
      },
      { maxConcurrent: 1, limit: 1 },
    );
    dispatcher.open();
    const [first, second] = [delivery(), delivery()];
    await dispatcher.dispatch(first);
    await dispatcher.dispatch(second);
    await dispatcher.close();
    expect(attempted).toEqual([first._id, second._id]);
    expect(warned).toMatchObject(
      [first, second].map(({ _id }) => ({ deliveryId: _id, error: 'Error: the database is away' })),
    );
    // The repair round finds them.
    expect(started).toEqual([]);
  });

  it('leaves a callback of a job, which no endpoint stands behind, to a workflow', async () => {
    const { dispatcher, started, attempted } = dispatcherWith(async () => DELIVERED);
    dispatcher.open();
    const callback = aDelivery({ endpointId: null, begun: false });
    await dispatcher.dispatch(callback);
    await dispatcher.close();
    expect(attempted).toEqual([]);
    expect(started).toMatchObject([{ deliveryId: callback._id, attempt: 1 }]);
  });

  it('is closed only when the last attempt is over', async () => {
    const gate = Promise.withResolvers<DeliveryOutcome>();
    const { dispatcher } = dispatcherWith(() => gate.promise);
    dispatcher.open();
    await dispatcher.dispatch(delivery());
    let closed = false;
    const closing = dispatcher.close().then(() => {
      closed = true;
    });
    await new Promise(setImmediate);
    expect(closed).toBe(false);
    gate.resolve(DELIVERED);
    await closing;
  });

  it('attaches itself: what is pushed to the queue before it is built stays for the repair round', async () => {
    const queue = createDeliveryQueue();
    await expect(queue.push(delivery())).resolves.toBeUndefined();
    const { queue: attached, started } = dispatcherWith(async () => ({
      outcome: 'delivered',
      answer: '200',
    }));
    const one = delivery();
    await attached.push(one);
    expect(started).toMatchObject([{ deliveryId: one._id }]);
  });
});
