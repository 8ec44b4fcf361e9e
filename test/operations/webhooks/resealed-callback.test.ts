import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDeliver, type DeliverPorts } from '../../../src/operations/webhooks/deliver.ts';
import { createJobRepository } from '../../../src/store/jobs.ts';
import { openDatabase } from '../../support/database.ts';
import { aDelivery, aJob } from '../../support/records.ts';

let database: Awaited<ReturnType<typeof openDatabase>>;
beforeAll(async () => {
  database = await openDatabase();
});
afterAll(() => database.drop());

it('a callback that is sealed anew while its delivery is noted stays as it was sealed', async () => {
  const { jobs } = database.collections;
  const repository = createJobRepository(database.collections, { publish: () => {} });
  const callback = {
    url: 'https://receiver.example/',
    sealedSecret: 'old',
    attempts: 0,
    status: 'pending',
  } as const;
  const job = aJob({ status: 'ready', callback });
  await jobs.insertOne(job);
  const made = {
    number: 1,
    at: new Date(),
    durationMs: 1,
    status: 200,
    networkError: null,
    responseHead: '',
  };
  const delivery = aDelivery({ endpointId: null, jobId: job._id, state: 'delivered', attempts: [made] });
  const deliver = createDeliver({
    jobs: {
      get: async (id: string) => {
        const found = await repository.get(id);
        await jobs.updateOne({ _id: id }, { $set: { 'callback.sealedSecret': 'new' } });
        return found;
      },
      append: repository.append,
    },
  } as unknown as DeliverPorts);
  await deliver(delivery, { attempt: 1, holds: 0 });
  const stored = await jobs.findOne({ _id: job._id });
  expect(stored?.callback).toMatchObject({ sealedSecret: 'new', attempts: 1, status: 'delivered' });
});
