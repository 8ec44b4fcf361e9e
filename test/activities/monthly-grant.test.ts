import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { createActivities } from '../../activities/index.ts';
import { newId } from '../../src/domain/id.ts';
import { createLog } from '../../src/log.ts';
import { connectTemporal, type Temporal } from '../../src/temporal/connect.ts';
import { ensureSchedules, monthlyGrantId, retentionSweepId } from '../../src/temporal/schedules.ts';
import { startWorkers, type Workers } from '../../src/temporal/workers.ts';
import { type ActivityHarness, createActivityHarness } from '../support/harness/activity-harness.ts';
import { sumOfLedger } from '../support/money.ts';

const PREFIX = `grant-${newId().slice(-8)}`;

let harness: ActivityHarness;
let temporal: Temporal;
let workers: Workers;

beforeAll(async () => {
  harness = await createActivityHarness();
  temporal = await connectTemporal(
    { namespace: 'default', apiKey: undefined },
    inject('temporalAddress'),
    createLog('silent'),
  );
  workers = await startWorkers({
    temporal,
    queuePrefix: PREFIX,
    activities: createActivities(harness),
    concurrency: { image: 1, io: 2, webhook: 2 },
  });
});
afterAll(async () => {
  for (const id of [monthlyGrantId(PREFIX), retentionSweepId(PREFIX)])
    await temporal.client.schedule.getHandle(id).delete();
  await workers.stop();
  await temporal.close();
  await harness.close();
});

async function anAccount(plan: string): Promise<string> {
  const _id = newId();
  await harness.collections.accounts.insertOne({ _id, name: plan, plan, createdAt: new Date() });
  return _id;
}

describe('the monthly grant', () => {
  it('comes by a schedule, by plan, and once a month however often it runs', {
    timeout: 60_000,
  }, async () => {
    const [pro, free] = [await anAccount('pro'), await anAccount('free')];
    for (let starts = 0; starts < 2; starts += 1)
      await ensureSchedules(temporal, { queuePrefix: PREFIX, sweepMs: 3_600_000 });
    const schedule = temporal.client.schedule.getHandle(monthlyGrantId(PREFIX));
    const runs = async () => (await schedule.describe()).info.numActionsTaken;
    await vi.waitFor(async () => expect((await harness.credits.get(pro)).available).toBe(600), 20_000);

    const later = await anAccount('pro');
    const before = await runs();
    // The first run may still be ending, and a run is named by the second in which it begins.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await schedule.trigger('BUFFER_ONE');
    await vi.waitFor(async () => expect(await runs()).toBeGreaterThan(before), 20_000);
    await vi.waitFor(async () => expect((await harness.credits.get(later)).available).toBe(600), 20_000);
    expect((await harness.credits.get(pro)).available).toBe(600);
    expect((await harness.credits.get(free)).available).toBe(0);
    const { entries } = await sumOfLedger(harness.collections, pro);
    expect(entries).toMatchObject([
      { kind: 'monthly', run: new Date().toISOString().slice(0, 7), change: { available: 600 } },
    ]);
  });

  it('of the next month is another one, also after the account has forgotten the last', async () => {
    const account = await anAccount('pro');
    for (const month of ['2026-01', '2026-02', '2026-01']) {
      await harness.run('grantMonth', { month, after: '' });
      await harness.credits.forgetGrant(account, `monthly-${month}`);
    }
    const { entries } = await sumOfLedger(harness.collections, account);
    expect(entries.map(({ run }) => run).sort()).toEqual(['2026-01', '2026-02']);
    expect((await harness.credits.get(account)).available).toBe(1200);
  });

  it('looks at nobody once all have had it, and at those of a larger plan again', async () => {
    const [account, free] = [await anAccount('pro'), await anAccount('free')];
    await harness.run('grantMonth', { month: '2026-03', after: '' });
    expect((await harness.credits.get(account)).available).toBe(600);
    const untouched = await harness.collections.accounts.find().toArray();
    await harness.run('grantMonth', { month: '2026-03', after: '' });
    expect(await harness.collections.accounts.find().toArray()).toEqual(untouched);
    expect(await harness.credits.listWithoutMonth('pro', '2026-03', 10)).toEqual([]);
    await harness.collections.accounts.updateOne({ _id: free }, { $set: { plan: 'pro' } });
    await harness.run('grantMonth', { month: '2026-03', after: '' });
    expect((await harness.credits.get(free)).available).toBe(600);
  });
});
