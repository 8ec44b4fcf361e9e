import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createDeliveryRepository } from '../../../src/store/deliveries.ts';
import { openDatabase } from '../../support/database.ts';
import { aDelivery } from '../../support/records.ts';

let database: Awaited<ReturnType<typeof openDatabase>>;
let deliveries: ReturnType<typeof createDeliveryRepository>;
beforeAll(async () => {
  database = await openDatabase();
  deliveries = createDeliveryRepository(database.collections);
});
afterAll(() => database.drop());

describe('the end of all that an endpoint has not got yet', () => {
  it('comes in portions, so that nobody else waits for thousands', async () => {
    const owed = Array.from({ length: 1100 }, () => aDelivery({ endpointId: 'busy' }));
    await database.collections.deliveries.insertMany(owed);
    const update = vi.spyOn(database.collections.deliveries, 'updateMany');
    await deliveries.endAll('busy', 'discarded');
    const sizes = update.mock.calls.map(([filter]) => (filter as { _id: { $in: string[] } })._id.$in.length);
    update.mockRestore();
    expect(sizes).toEqual([500, 500, 100]);
    const states = await database.collections.deliveries.distinct('state', { endpointId: 'busy' });
    expect(states).toEqual(['discarded']);
  });
});
