import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../../src/domain/id.ts';
import { type ActivityHarness, createActivityHarness } from '../../support/harness/activity-harness.ts';
import { anAccountCaller } from '../../support/records.ts';
import { newWebhookAccount } from '../../support/webhook-account.ts';

const URL_OF_OWNER = 'http://127.0.0.1:9/hook';

let harness: ActivityHarness;
beforeAll(async () => {
  harness = await createActivityHarness();
});
afterAll(() => harness.close());

const missing = { code: 'NOT_FOUND', message: 'There is no such endpoint.' };
const input = { url: URL_OF_OWNER, events: ['*'], description: '' };

describe('an endpoint', () => {
  it('shows its secret once and keeps it sealed', async () => {
    const { actor } = newWebhookAccount(harness);
    const { endpoint, secret } = await harness.operations.createEndpoint(actor, {
      ...input,
      events: ['job.*', 'credits.low', 'job.*'],
      description: ' Billing ',
    });
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(endpoint).toMatchObject({
      events: ['job.*', 'credits.low'],
      description: 'Billing',
      state: 'enabled',
    });
    const stored = await harness.collections.endpoints.findOne({ _id: endpoint._id });
    expect(JSON.stringify(stored)).not.toContain(secret.slice('whsec_'.length));
    expect(await harness.operations.listEndpoints(actor)).toMatchObject([{ _id: endpoint._id }]);
  });

  it('is one of twenty, however many are asked for at a time', async () => {
    const { actor } = newWebhookAccount(harness);
    const asked = await Promise.allSettled(
      Array.from({ length: 30 }, () => harness.operations.createEndpoint(actor, input)),
    );
    const refused = asked.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(10);
    expect(refused[0]).toMatchObject({
      reason: { code: 'WRONG_STATE', message: 'An account has at most 20 endpoints.' },
    });
    const [first] = await harness.operations.listEndpoints(actor);
    await harness.operations.deleteEndpoint(actor, first?._id ?? '');
    await harness.operations.createEndpoint(actor, input);
    expect(await harness.operations.listEndpoints(actor)).toHaveLength(20);
  });

  it.each([
    [
      { url: 'http://169.254.169.254/latest' },
      { code: 'BLOCKED_ADDRESS', field: 'url', hint: expect.stringContaining('KILN_ALLOWED_NETWORKS') },
    ],
    [{ url: 'ftp://receiver.example/' }, { code: 'INVALID_INPUT', field: 'url' }],
    [{ url: `https://receiver.example/${'a'.repeat(2000)}` }, { code: 'INVALID_INPUT', field: 'url' }],
    [{ events: [] }, { code: 'INVALID_INPUT', field: 'events' }],
    [{ events: ['job.done'] }, { code: 'INVALID_INPUT', field: 'events' }],
    [{ events: ['credits.*'] }, { code: 'INVALID_INPUT', field: 'events' }],
    [{ description: 'a'.repeat(201) }, { code: 'INVALID_INPUT', field: 'description' }],
  ])('cannot be made or become %j', async (invalid, refusal) => {
    const account = newWebhookAccount(harness);
    await expect(
      harness.operations.createEndpoint(account.actor, { ...input, ...invalid }),
    ).rejects.toMatchObject(refusal);
    const { id } = await account.endpoint(URL_OF_OWNER);
    await expect(harness.operations.updateEndpoint(account.actor, id, invalid)).rejects.toMatchObject(
      refusal,
    );
  });

  it('changes what is named, and nothing else', async () => {
    const account = newWebhookAccount(harness);
    const { id } = await account.endpoint(URL_OF_OWNER, ['job.ready']);
    await harness.operations.updateEndpoint(account.actor, id, { description: 'new' });
    expect(await account.find(id)).toMatchObject({
      url: URL_OF_OWNER,
      events: ['job.ready'],
      description: 'new',
    });
  });

  it('keeps two secrets while one replaces the other, and never three', async () => {
    const account = newWebhookAccount(harness);
    const { id, secret } = await account.endpoint(URL_OF_OWNER);
    const second = await harness.operations.rotateSecret(account.actor, id);
    const third = await harness.operations.rotateSecret(account.actor, id);
    expect(new Set([secret, second.secret, third.secret]).size).toBe(3);
    const { secrets } = await account.find(id);
    expect(secrets.map(({ until }) => until === null)).toEqual([true, false]);
    const day = Number(secrets[1]?.until) - Date.now();
    expect(day).toBeGreaterThan(86_300_000);
    expect(day).toBeLessThanOrEqual(86_400_000);
  });

  it('is not part of a small plan', async () => {
    const free = newWebhookAccount(harness, 'free');
    await expect(free.endpoint(URL_OF_OWNER)).rejects.toMatchObject({
      code: 'FORBIDDEN',
      field: 'url',
      hint: 'Upgrade the account to a larger plan; the query `plans` says what each includes.',
    });
  });

  it('is changed by those who may manage and seen by those who may read', async () => {
    const account = newWebhookAccount(harness);
    const { id } = await account.endpoint(URL_OF_OWNER);
    const { accountId } = account;
    const reader = anAccountCaller({ accountId, scopes: ['read'] });
    const converter = anAccountCaller({ accountId, scopes: ['convert'] });
    expect(await harness.operations.findEndpoint(reader, id)).toMatchObject({ _id: id });
    for (const change of ['pauseEndpoint', 'deleteEndpoint', 'rotateSecret', 'testEndpoint'] as const)
      await expect(harness.operations[change](reader, id)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(harness.operations.listEndpoints(converter)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await expect(harness.operations.listDeliveries(converter, { limit: 1 })).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    for (const nobody of [{ kind: 'anonymous' as const }, { kind: 'guest' as const, guestId: newId() }])
      await expect(harness.operations.listEndpoints(nobody)).rejects.toMatchObject({
        code: 'UNAUTHENTICATED',
      });
  });

  it('of somebody else looks like one that does not exist', async () => {
    const [mine, theirs] = [newWebhookAccount(harness), newWebhookAccount(harness)];
    const { id } = await theirs.endpoint(URL_OF_OWNER);
    const [delivery] = await theirs.emit();
    const { actor } = mine;
    for (const unknown of [id, newId()]) {
      await expect(harness.operations.findEndpoint(actor, unknown)).rejects.toMatchObject(missing);
      await expect(harness.operations.deleteEndpoint(actor, unknown)).rejects.toMatchObject(missing);
      await expect(harness.operations.resumeEndpoint(actor, unknown)).rejects.toMatchObject(missing);
      await expect(harness.operations.updateEndpoint(actor, unknown, {})).rejects.toMatchObject(missing);
    }
    for (const unknown of [delivery?._id ?? '', newId()]) {
      const refusal = { code: 'NOT_FOUND', message: 'There is no such delivery.' };
      await expect(harness.operations.findDelivery(actor, unknown)).rejects.toMatchObject(refusal);
      await expect(harness.operations.replayDelivery(actor, unknown)).rejects.toMatchObject(refusal);
    }
    expect(await harness.operations.listEndpoints({ kind: 'admin' }, theirs.accountId)).toHaveLength(1);
    expect(await theirs.find(id)).toMatchObject({ state: 'enabled' });
  });
});
