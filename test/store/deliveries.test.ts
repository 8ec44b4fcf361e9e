import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DeliveryAttempt } from '../../src/domain/webhooks/delivery.ts';
import { createDeliveryRepository } from '../../src/store/deliveries.ts';
import { openDatabase } from '../support/database.ts';
import { aDelivery } from '../support/records.ts';

let database: Awaited<ReturnType<typeof openDatabase>>;
let deliveries: ReturnType<typeof createDeliveryRepository>;
beforeAll(async () => {
  database = await openDatabase();
  deliveries = createDeliveryRepository(database.collections);
});
afterAll(() => database.drop());

const attempt = (number: number, status: number): DeliveryAttempt => ({
  number,
  at: new Date(),
  durationMs: 5,
  status,
  networkError: null,
  responseHead: '',
});
const again = { state: 'pending' as const, nextAttemptAt: new Date(Date.now() + 1000) };
const done = { state: 'delivered' as const, nextAttemptAt: null };

async function stored(different: Parameters<typeof aDelivery>[0] = {}) {
  const delivery = aDelivery({ endpointId: 'endpoint', ...different });
  await deliveries.insertIfAbsent(delivery);
  return delivery;
}

describe('attempts', () => {
  it('of many deliveries at a time, repeats among them, are each written once', async () => {
    const all = await Promise.all(Array.from({ length: 60 }, () => stored()));
    await Promise.all(
      all.flatMap(({ _id }, i) => [
        deliveries.recordAttempt(_id, attempt(1, 500), again),
        ...(i % 3 === 0 ? [deliveries.recordAttempt(_id, attempt(1, 500), again)] : []),
      ]),
    );
    await Promise.all(all.map(({ _id }) => deliveries.recordAttempt(_id, attempt(2, 200), done)));
    for (const { _id } of all) {
      const { state, attempts, begun, stateSince, createdAt } = await deliveries.get(_id);
      expect({ state, begun, statuses: attempts.map(({ status }) => status) }).toEqual({
        state: 'delivered',
        begun: true,
        statuses: [500, 200],
      });
      expect(stateSince.getTime()).toBeGreaterThanOrEqual(createdAt.getTime());
    }
  });

  it('that end after their delivery was discarded are kept, and bring it back only by a success', async () => {
    const [failed, delivered] = [await stored(), await stored()];
    await deliveries.endAll('endpoint', 'discarded');
    await deliveries.recordAttempt(failed._id, attempt(1, 500), again);
    await deliveries.recordAttempt(delivered._id, attempt(1, 200), done);
    expect(await deliveries.get(failed._id)).toMatchObject({ state: 'discarded', attempts: [{ number: 1 }] });
    expect(await deliveries.get(delivered._id)).toMatchObject({
      state: 'delivered',
      attempts: [{ number: 1 }],
    });
  });
});

describe('another round', () => {
  it('is begun by one of many, among others that begin as well', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => stored({ state: 'failed' })));
    const begun = await Promise.all(
      all.flatMap((one) => Array.from({ length: 5 }, () => deliveries.reopen(one))),
    );
    const won = begun.filter((one) => one !== null);
    expect(won.map(({ _id }) => _id).toSorted()).toEqual(all.map(({ _id }) => _id).toSorted());
    for (const one of won)
      expect(await deliveries.get(one._id)).toMatchObject({
        state: 'pending',
        round: one.round,
        begun: false,
      });
  });
});
