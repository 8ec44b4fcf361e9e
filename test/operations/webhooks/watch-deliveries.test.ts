import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { newId } from '../../../src/domain/id.ts';
import type { Delivery } from '../../../src/domain/webhooks/delivery.ts';
import { createWatchDeliveries } from '../../../src/operations/webhooks/watch-deliveries.ts';
import { createDeliveryRepository } from '../../../src/store/deliveries.ts';
import { openDatabase } from '../../support/database.ts';
import { aDelivery, anAccountCaller } from '../../support/records.ts';

let database: Awaited<ReturnType<typeof openDatabase>>;
let deliveries: ReturnType<typeof createDeliveryRepository>;
beforeAll(async () => {
  database = await openDatabase();
  deliveries = createDeliveryRepository(database.collections);
});
afterAll(() => database.drop());

/** Collects the deliveries that a listener of an account sees, from the moment on that it listens. */
function listen(accountId: string, after: Date | null) {
  const seen: string[] = [];
  const stop = new AbortController();
  const watch = createWatchDeliveries({ deliveries, pollMs: 20 });
  const heard = (async () => {
    const actor = anAccountCaller({ accountId });
    for await (const { delivery } of watch(actor, { after, signal: stop.signal })) seen.push(delivery._id);
  })();
  return {
    seen,
    async until(count: number) {
      const deadline = Date.now() + 10_000;
      while (seen.length < count && Date.now() < deadline) await sleep(10);
      stop.abort();
      await heard;
      return seen;
    },
  };
}

const changed = (accountId: string, at: Date): Delivery =>
  aDelivery({ owner: `account:${accountId}`, order: newId(), createdAt: at, stateSince: at, updatedAt: at });

it('a listener hears of all deliveries that changed in one instant, however many', async () => {
  const accountId = newId();
  const instant = new Date();
  const all = Array.from({ length: 1300 }, () => changed(accountId, instant));
  await database.collections.deliveries.insertMany(all);
  const { until } = listen(accountId, new Date(instant.getTime() - 1));
  const seen = await until(all.length);
  expect(seen.toSorted()).toEqual(all.map(({ _id }) => _id).toSorted());
});

it('a listener hears of what a writer wrote whose clock is half a minute behind or ahead', async () => {
  const accountId = newId();
  const before = changed(accountId, new Date());
  await deliveries.insertIfAbsent(before);
  const listener = listen(accountId, null);
  await sleep(300);
  const ahead = changed(accountId, new Date(Date.now() + 30_000));
  await deliveries.insertIfAbsent(ahead);
  await sleep(300);
  const [usual, behind] = [changed(accountId, new Date()), changed(accountId, new Date(Date.now() - 30_000))];
  await deliveries.insertIfAbsent(usual);
  await deliveries.insertIfAbsent(behind);
  const seen = await listener.until(3);
  expect(seen.toSorted()).toEqual([ahead, usual, behind].map(({ _id }) => _id).toSorted());
});
