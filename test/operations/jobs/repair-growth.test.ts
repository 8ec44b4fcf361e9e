import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newBatch } from '../../../src/domain/batches/batch.ts';
import { newId } from '../../../src/domain/id.ts';
import type { JobStatus } from '../../../src/domain/jobs/job.ts';
import { createLog } from '../../../src/log.ts';
import { createRepairBatches } from '../../../src/operations/batches/repair-batches.ts';
import { createRepairCredits } from '../../../src/operations/credits/repair-credits.ts';
import { createRepairDeliveries } from '../../../src/operations/webhooks/repair-deliveries.ts';
import { createBatchRepository } from '../../../src/store/batches.ts';
import { createDeliveryChecks } from '../../../src/store/delivery-checks.ts';
import { createEndpointRepository } from '../../../src/store/endpoints.ts';
import { createJobRepository } from '../../../src/store/jobs.ts';
import { openDatabase } from '../../support/database.ts';
import { anAccount, openMoney } from '../../support/money.ts';
import { aDelivery, aJob, anEndpoint } from '../../support/records.ts';

/** More than any repair looks at in one round. */
const MANY = 600;
const log = createLog('silent');

let database: Awaited<ReturnType<typeof openDatabase>>;

beforeAll(async () => {
  database = await openDatabase();
});
afterAll(() => database.drop());

describe('the first repair round finds', () => {
  it('credits of a killed process, however many accounts there are in which nothing happens', async () => {
    const { accounts, ledger } = database.collections;
    const idle = Array.from({ length: MANY }, () => ({
      _id: newId(),
      name: 'Idle',
      plan: 'pro',
      createdAt: new Date(),
      available: 5,
      held: 0,
      entrySeq: 1,
      holds: {},
      grants: {},
      pendingEntries: [],
    }));
    await accounts.insertMany(idle);
    const { credits, ledger: entries } = openMoney(database.collections);
    const accountId = await anAccount(database.collections, 10);
    await credits.hold({ accountId, jobId: newId(), run: '1', amount: 4 });
    const jobs = createJobRepository(database.collections, { publish: () => {} });
    const repair = createRepairCredits({ jobs, credits, ledger: entries, log });
    await repair(Date.now() + 11 * 60_000);
    expect(await credits.get(accountId)).toMatchObject({ available: 10, held: 0 });
    await repair(Date.now() + 12 * 60_000);
    expect((await credits.get(accountId)).pendingEntries).toEqual([]);
    expect(await ledger.countDocuments({ accountId })).toBe((await credits.get(accountId)).entrySeq);
    // All that was settled is forgotten after a while, and then nobody looks any more.
    for (const minutes of [80, 90, 100]) await repair(Date.now() + minutes * 60_000);
    expect(await accounts.findOne({ _id: accountId })).toMatchObject({ holds: {}, grants: {} });
    expect(await accounts.countDocuments({ repairAt: { $exists: true } })).toBe(0);
  });

  it('what an account of an earlier version was in the middle of', async () => {
    const { credits, ledger } = openMoney(database.collections);
    const accountId = await anAccount(database.collections, 10);
    await credits.hold({ accountId, jobId: newId(), run: '1', amount: 4 });
    await database.collections.accounts.updateOne({ _id: accountId }, { $unset: { repairAt: '' } });
    const jobs = createJobRepository(database.collections, { publish: () => {} });
    await createRepairCredits({ jobs, credits, ledger, log })(Date.now() + 11 * 60_000);
    expect(await credits.get(accountId)).toMatchObject({ available: 10, held: 0 });
  });

  it('a batch that has missed an end, while many only wait', async () => {
    const changes = { publish: () => {}, invalidate: () => {} };
    const batches = createBatchRepository(database.collections, changes);
    const jobs = createJobRepository(database.collections, { publish: () => {} });
    const aBatch = async (status: JobStatus, idleMs: number) => {
      const job = aJob({ status });
      const fresh = { owner: 'account:a', dialect: 'graphql', label: null, retryOf: null } as const;
      const batch = newBatch({ ...fresh, _id: newId(), jobIds: [job._id], wantsArchive: false });
      await database.collections.jobs.insertOne(job);
      await batches.insertIfAbsent(batch);
      await batches.endSubmission(batch._id);
      const updatedAt = new Date(Date.now() - idleMs);
      await database.collections.batches.updateOne(
        { _id: batch._id },
        { $set: { updatedAt }, $unset: { checkAt: '' } },
      );
      return batch._id;
    };
    for (let i = 0; i < 150; i += 1) await aBatch('queued', 3_600_000);
    const signalled: string[] = [];
    const tell = async ({ batchId }: { batchId: string }) => void signalled.push(batchId);
    const runner = { startBatch: tell, signalBatch: tell };
    const repair = createRepairBatches({ batches, jobs, runner, log });
    expect((await repair()) + (await repair())).toBe(150);
    signalled.length = 0;
    const behind = await aBatch('ready', 40_000);
    expect(await repair(Date.now() + 15_000)).toBe(1);
    expect(signalled).toEqual([behind]);
    // Those that wait are looked at again, only later.
    expect(await repair(Date.now() + 6 * 60_000)).toBeGreaterThan(90);
  });

  it('a delivery that nobody took up, and one of an open endpoint, behind those of a paused one', async () => {
    const { deliveries, endpoints } = database.collections;
    const [paused, open] = [anEndpoint({ state: 'paused' }), anEndpoint()];
    await endpoints.insertMany([paused, open].map((endpoint) => ({ ...endpoint, slot: endpoint._id })));
    const long = { updatedAt: new Date(Date.now() - 60_000), nextAttemptAt: new Date(Date.now() + 60_000) };
    const held = (endpointId: string, order: number) =>
      aDelivery({ ...long, endpointId, hold: 'paused', order: String(order).padStart(6, '0') });
    await deliveries.insertMany(Array.from({ length: MANY }, (_, i) => held(paused._id, i)));
    const waiting = held(open._id, MANY);
    const lost = aDelivery({ ...long, begun: false, nextAttemptAt: null, order: '900000' });
    const late = aDelivery({ nextAttemptAt: new Date(Date.now() - 300_000), order: '900001' });
    await deliveries.insertMany([waiting, lost, late]);
    const [started, woken] = [[] as string[], [] as string[]];
    const { repairDeliveries } = createRepairDeliveries({
      deliveries: createDeliveryChecks(database.collections),
      endpoints: createEndpointRepository(database.collections),
      runner: {
        startDelivery: async ({ deliveryId }) => void started.push(deliveryId),
        wakeDelivery: async (deliveryId) => woken.push(deliveryId) > 0,
      },
      log,
    });
    expect(await repairDeliveries()).toBe(3);
    expect(started.toSorted()).toEqual([lost._id, late._id].toSorted());
    expect(woken).toEqual([waiting._id]);
  });
});
