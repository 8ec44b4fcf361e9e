import { Readable } from 'node:stream';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../../src/domain/id.ts';
import { createLog } from '../../../src/log.ts';
import { createDeliveryQueue } from '../../../src/operations/webhooks/delivery-queue.ts';
import { createEmit } from '../../../src/operations/webhooks/emit.ts';
import { type ActivityHarness, createActivityHarness } from '../../support/harness/activity-harness.ts';
import { anAccountCaller } from '../../support/records.ts';
import { newWebhookAccount } from '../../support/webhook-account.ts';

const NOWHERE = 'http://127.0.0.1:9/hook';

let harness: ActivityHarness;
let png: Buffer;
beforeAll(async () => {
  harness = await createActivityHarness();
  png = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
});
afterAll(() => harness.close());

describe('an event', () => {
  it('goes to its subscribers once, however often it is emitted', async () => {
    const account = newWebhookAccount(harness);
    const all = await account.endpoint(NOWHERE, ['*']);
    const jobs = await account.endpoint(NOWHERE, ['job.*']);
    await account.endpoint(NOWHERE, ['job.failed', 'batch.*']);
    const subjectId = newId();
    await account.emit('job.ready', subjectId);
    const deliveries = await account.emit('job.ready', subjectId);
    expect(deliveries.map(({ endpointId }) => endpointId).toSorted()).toEqual([all.id, jobs.id].toSorted());
    expect(deliveries[0]).toMatchObject({
      jobId: subjectId,
      subjectId,
      event: 'job.ready',
      profile: 'standard',
      state: 'pending',
      begun: false,
    });
    expect(JSON.parse(deliveries[0]?.body ?? '')).toEqual({
      type: 'job.ready',
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      data: { id: subjectId },
    });
    expect(account.started()).toHaveLength(2);
    expect(account.started()[0]).toMatchObject({ attempt: 1 });
  });

  it('of the same kind and subject is another one by its cause', async () => {
    const account = newWebhookAccount(harness);
    await account.endpoint(NOWHERE);
    const event = {
      owner: account.owner,
      type: 'credits.low',
      subjectId: account.accountId,
      data: {},
    } as const;
    for (const cause of ['a', 'b', 'a']) await harness.emit({ ...event, cause });
    expect(await account.deliveries()).toHaveLength(2);
  });

  it('of a guest, or of an account without endpoints, is nobody’s business', async () => {
    const before = await harness.collections.deliveries.countDocuments();
    const event = { type: 'job.ready', subjectId: newId(), data: {} } as const;
    await harness.emit({ ...event, owner: `guest:${newId()}` });
    await harness.emit({ ...event, owner: `account:${newId()}` });
    expect(await harness.collections.deliveries.countDocuments()).toBe(before);
  });

  it('costs one look at the endpoints in two seconds', async () => {
    let looks = 0;
    const { emit } = createEmit({
      endpoints: {
        async list() {
          looks += 1;
          return [];
        },
      },
      deliveries: harness.deliveries,
      queue: createDeliveryQueue(),
      log: createLog('silent'),
    });
    const event = { owner: `account:${newId()}`, type: 'job.ready', data: {} } as const;
    for (let i = 0; i < 100; i += 1) await emit({ ...event, subjectId: newId() });
    expect(looks).toBe(1);
  });
});

describe('a job', () => {
  it('emits its beginning and its end, with a link as long as the file lives', async () => {
    const account = newWebhookAccount(harness);
    await account.endpoint(NOWHERE, ['job.*']);
    const { accountId } = account;
    const caller = anAccountCaller({ accountId });
    const upload = { filename: 'photo.png', mime: 'image/png', size: png.length };
    const { job } = await harness.operations.submitJob(caller, {
      dialect: 'graphql',
      input: { upload },
      target: 'webp',
    });
    expect((await account.deliveries()).map(({ event }) => event)).toEqual(['job.created']);
    const end = { to: 'failed' as const, fault: { code: 'CORRUPT_INPUT' as const, message: 'Damaged.' } };
    for (let i = 0; i < 2; i += 1) await harness.run('recordEnd', { jobId: job._id, end });
    const [created, failed, ...more] = await account.deliveries();
    expect(more).toEqual([]);
    expect(JSON.parse(created?.body ?? '')).toMatchObject({
      type: 'job.created',
      data: {
        id: job._id,
        status: 'awaiting_upload',
        inputs: [{ filename: 'photo.png', size: png.length }],
        outputs: [],
        error: null,
      },
    });
    expect(JSON.parse(failed?.body ?? '')).toMatchObject({
      type: 'job.failed',
      data: { status: 'failed', error: end.fault },
    });
  });

  it('emits its beginning at its end when the process that accepted it had died', async () => {
    const account = newWebhookAccount(harness);
    await account.endpoint(NOWHERE, ['job.*']);
    const { jobId } = await harness.upload(png);
    await harness.collections.jobs.updateOne({ _id: jobId }, { $set: { owner: account.owner } });
    await harness.collections.files.updateMany({ jobId }, { $set: { owner: account.owner } });
    const converted = await harness.run('convertSmallFile', { jobId });
    await harness.run('recordEnd', { jobId, end: { to: 'ready', outputs: [converted] } });
    const [created, ready] = (await account.deliveries()).map(({ body }) => JSON.parse(body));
    expect(created).toMatchObject({ type: 'job.created', data: { status: 'awaiting_upload', outputs: [] } });
    expect(ready.data.outputs).toMatchObject([
      {
        filename: 'photo.webp',
        mime: 'image/webp',
        width: 8,
        height: 8,
        downloadUrl: expect.stringMatching(/^https:\/\/kiln\.example\/downloads\/signed\/.+\/photo\.webp$/),
        expiresAt: expect.any(String),
      },
    ]);
  });
});

describe('a file', () => {
  it('that belongs to no job emits an event when it has arrived', async () => {
    const account = newWebhookAccount(harness);
    await account.endpoint(NOWHERE, ['file.*']);
    const upload = {
      _id: newId(),
      owner: account.owner,
      jobId: null,
      filename: 'a.png',
      mime: 'image/png',
      size: 3,
      state: 'received' as const,
      blobId: 'blob',
      received: { size: 3, sha256: '0'.repeat(64) },
      fault: null,
      createdAt: new Date(),
      expiresAt: new Date(Date.now() + 60_000),
    };
    await harness.blobs.write(upload.blobId, Readable.from(['abc']), { maxBytes: 3 });
    await harness.collections.uploads.insertOne(upload);
    for (let i = 0; i < 2; i += 1) await harness.operations.completeUpload(null, upload._id);
    const deliveries = await account.deliveries();
    expect(deliveries).toMatchObject([{ event: 'file.uploaded', jobId: null }]);
    expect(JSON.parse(deliveries[0]?.body ?? '').data).toMatchObject({
      id: upload._id,
      filename: 'a.png',
      size: 3,
      sha256: '0'.repeat(64),
    });
  });
});

describe('credits', () => {
  it('emit an event when they get low, once each time that they do', async () => {
    const account = newWebhookAccount(harness);
    await account.endpoint(NOWHERE, ['credits.low']);
    const { accountId } = account;
    const set = (available: number) =>
      harness.collections.accounts.updateOne({ _id: accountId }, { $set: { available } });
    await harness.collections.accounts.insertOne({
      _id: accountId,
      name: 'Low',
      plan: 'pro',
      createdAt: new Date(),
      available: 60,
    });
    const settle = async (jobId = newId()) => {
      await harness.noteSettled(accountId, jobId);
      return (await account.deliveries()).length;
    };
    // A tenth of the 600 of the plan.
    expect(await settle()).toBe(0);
    await set(59);
    const crossing = newId();
    expect(await settle(crossing)).toBe(1);
    expect(await settle(crossing)).toBe(1);
    await set(10);
    expect(await settle()).toBe(1);
    // A grant that is not enough is no reason to say it again.
    await set(30);
    await harness.noteGranted(accountId);
    expect(await settle()).toBe(1);
    await set(600);
    await harness.noteGranted(accountId);
    await set(5);
    expect(await settle()).toBe(2);
    const [first] = await account.deliveries();
    expect(JSON.parse(first?.body ?? '').data).toEqual({ accountId, available: 59, monthlyCredits: 600 });
  });
});
