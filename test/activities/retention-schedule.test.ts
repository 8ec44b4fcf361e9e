import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { toFailure } from '../../activities/failure.ts';
import { createActivities } from '../../activities/index.ts';
import { newId } from '../../src/domain/id.ts';
import { createLog } from '../../src/log.ts';
import { connectTemporal, type Temporal } from '../../src/temporal/connect.ts';
import { ensureSchedules, monthlyGrantId, retentionSweepId } from '../../src/temporal/schedules.ts';
import { startWorkers, type Workers } from '../../src/temporal/workers.ts';
import { type ActivityHarness, createActivityHarness } from '../support/harness/activity-harness.ts';
import { aFile } from '../support/records.ts';

const PREFIX = `sweep-${newId().slice(-8)}`;

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
  const activities = createActivities(harness);
  /** One kind that cannot be swept must not keep the others from it. */
  const sweep: typeof activities.sweep = (step) =>
    step.kind === 'deliveries'
      ? Promise.reject(toFailure(new TypeError('out of order')))
      : activities.sweep(step);
  workers = await startWorkers({
    temporal,
    queuePrefix: PREFIX,
    activities: { ...activities, sweep },
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

describe('the sweep', () => {
  it('comes by a schedule, which follows the configured interval', { timeout: 120_000 }, async () => {
    const blobId = `${newId()}.aa`;
    await harness.blobs.write(blobId, Readable.from(['bytes']), { maxBytes: 10 });
    await harness.collections.files.insertOne(aFile({ blobId, expiresAt: new Date(Date.now() - 3_600_000) }));
    await ensureSchedules(temporal, { queuePrefix: PREFIX, sweepMs: 3_600_000 });
    await vi.waitFor(async () => expect(await harness.filesOnDisk()).toEqual([]), 60_000);
    expect(await harness.collections.files.countDocuments()).toBe(0);

    const schedule = temporal.client.schedule.getHandle(retentionSweepId(PREFIX));
    const every = async () => (await schedule.describe()).spec.intervals?.map((interval) => interval.every);
    expect(await every()).toEqual([3_600_000]);
    for (let starts = 0; starts < 2; starts += 1)
      await ensureSchedules(temporal, { queuePrefix: PREFIX, sweepMs: 900_000 });
    expect(await every()).toEqual([900_000]);
    expect((await schedule.describe()).policies.overlap).toBe('SKIP');
  });
});
