import { readFile } from 'node:fs/promises';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { WEBHOOK_SCHEDULES } from '../../../src/domain/webhooks/webhook-profile.ts';
import { type ActivityHarness, createActivityHarness } from '../../support/harness/activity-harness.ts';
import { seededRandom, seedOf } from '../../support/seeded-random.ts';
import { openReceiver, verify } from '../../support/servers/webhook-receiver.ts';
import { newWebhookAccount } from '../../support/webhook-account.ts';

type Receiver = Awaited<ReturnType<typeof openReceiver>>;

let harness: ActivityHarness;
let open: Receiver[] = [];
beforeAll(async () => {
  harness = await createActivityHarness();
});
afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  for (const receiver of open) await receiver.close();
  open = [];
});
afterAll(() => harness.close());

async function listen(...replies: Parameters<typeof openReceiver>): Promise<Receiver> {
  const receiver = await openReceiver(...replies);
  open.push(receiver);
  return receiver;
}

/** An endpoint at this address with one delivery that waits for its first attempt. */
async function oneDelivery(url: string) {
  const account = newWebhookAccount(harness);
  const endpoint = await account.endpoint(url);
  const [delivery] = await account.emit();
  return { account, ...endpoint, deliveryId: delivery?._id ?? '' };
}

const delays = WEBHOOK_SCHEDULES.standard.delaysMs;

describe('a receiver that fails five times, then is well', () => {
  it('gets six attempts under one id, each with its own time, on the schedule within its jitter', async () => {
    const seed = seedOf();
    console.log(`attempts: seed ${seed} (KILN_TEST_SEED repeats it)`);
    const random = seededRandom(seed);
    vi.spyOn(Math, 'random').mockImplementation(random.next);
    const receiver = await listen(500, 500, 500, 500, 500, 200);
    const { account, deliveryId, secret } = await oneDelivery(receiver.url);
    vi.useFakeTimers({ toFake: ['Date'] });
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 6; attempt += 1) {
      const result = await account.attempt(deliveryId, attempt);
      verify(secret, receiver.received[attempt - 1] ?? { headers: {}, body: '' });
      if (!('delayMs' in result)) break;
      waits.push(result.delayMs);
      vi.setSystemTime(Date.now() + result.delayMs);
    }
    console.log(`attempts: waited ${waits.map((ms) => `${(ms / 1000).toFixed(1)} s`).join(', ')}`);
    expect(receiver.received).toHaveLength(6);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id']))).toEqual(
      new Set([deliveryId]),
    );
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-timestamp'])).size).toBe(6);
    for (const [i, wait] of waits.entries()) {
      const planned = delays[i + 1] ?? 0;
      expect(Math.abs(wait - planned)).toBeLessThanOrEqual(planned * 0.1 + 1);
    }
    const delivery = await harness.deliveries.get(deliveryId);
    expect(delivery).toMatchObject({ state: 'delivered', nextAttemptAt: null });
    expect(delivery.attempts.map(({ status }) => status)).toEqual([500, 500, 500, 500, 500, 200]);
    expect(await account.find(delivery.endpointId ?? '')).toMatchObject({ circuit: { failures: 0 } });
  });
});

describe('what goes wrong', () => {
  const failing = async (url: string) => {
    const { account, deliveryId, id } = await oneDelivery(url);
    const outcome = await account.attempt(deliveryId);
    const { attempts, state } = await harness.deliveries.get(deliveryId);
    return { outcome, attempt: attempts[0], state, endpoint: await account.find(id) };
  };

  it('is a reset, a bad certificate, a name that is gone or a closed port: each by its name, and tried again', async () => {
    const pem = await readFile(new URL('../../net/self-signed.pem', import.meta.url));
    const tls = createTlsServer({ key: pem, cert: pem }, (_request, response) => response.end());
    await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
    const { port } = tls.address() as AddressInfo;
    const cases: [url: string, reason: string][] = [
      [(await listen('reset')).url, 'reset'],
      [`https://127.0.0.1:${port}/`, 'tls'],
      ['http://nowhere.invalid/hook', 'dns'],
      ['http://127.0.0.1:1/hook', 'refused'],
    ];
    for (const [url, networkError] of cases) {
      const { outcome, attempt, state } = await failing(url);
      expect(outcome).toMatchObject({ outcome: 'retry', answer: networkError });
      expect(attempt).toMatchObject({ status: null, networkError, responseHead: null });
      expect(state).toBe('pending');
    }
    tls.close();
  });

  it('is a redirect, which is not followed', async () => {
    const target = await listen(200);
    const receiver = await listen({ status: 301, headers: { location: target.url } });
    const { outcome, attempt } = await failing(receiver.url);
    expect(outcome).toMatchObject({ outcome: 'retry', answer: '301' });
    expect(attempt).toMatchObject({ status: 301, responseHeaders: { location: target.url } });
    expect(target.received).toHaveLength(0);
  });

  it('is too much at a time, and the receiver says when to come again', async () => {
    const receiver = await listen({ status: 429, headers: { 'retry-after': '120' } });
    const { outcome, attempt } = await failing(receiver.url);
    expect(outcome).toMatchObject({ outcome: 'retry', answer: '429', delayMs: 120_000 });
    expect(attempt).toMatchObject({ responseHeaders: { 'retry-after': '120' }, responseHead: 'thank you' });
  });

  it('is an address that became private: it is refused at the attempt as well', async () => {
    const { account, id, deliveryId } = await oneDelivery((await listen(200)).url);
    await harness.collections.endpoints.updateOne({ _id: id }, { $set: { url: 'http://10.0.0.1/hook' } });
    expect(await account.attempt(deliveryId)).toMatchObject({ outcome: 'retry', answer: 'blocked' });
  });

  it('is a 410: the endpoint is disabled, what waits fails, and the other endpoints hear of it', async () => {
    const receiver = await listen(410);
    const { account, id, deliveryId } = await oneDelivery(receiver.url);
    const [, waiting] = await account.emit();
    const other = await account.endpoint((await listen(200)).url, ['endpoint.disabled']);
    expect(await account.attempt(deliveryId)).toEqual({ outcome: 'failed', answer: '410' });
    // The reply of the first call was lost: the repeat changes nothing.
    expect(await account.attempt(deliveryId)).toEqual({ outcome: 'failed', answer: '410' });
    expect(await account.find(id)).toMatchObject({ state: 'disabled', disabledFor: 'gone' });
    expect(await harness.deliveries.get(waiting?._id ?? '')).toMatchObject({ state: 'failed', attempts: [] });
    const emitted = await account.deliveries({ endpointId: other.id });
    expect(emitted.map(({ body }) => JSON.parse(body))).toMatchObject([
      { type: 'endpoint.disabled', data: { endpointId: id, url: receiver.url, reason: 'gone' } },
    ]);
    expect(receiver.received).toHaveLength(1);
  });

  it('is a receiver that wants no more of this message: no attempt follows', async () => {
    for (const header of ['abort', 'abort-message']) {
      const receiver = await listen({ status: 400, headers: { 'webhook-delivery': header } });
      const { outcome, state, endpoint } = await failing(receiver.url);
      expect(outcome).toEqual({ outcome: 'failed', answer: '400' });
      expect(state).toBe('failed');
      expect(endpoint).toMatchObject({ state: 'enabled', circuit: { failures: 0 } });
    }
  });

  it('keeps only the beginning of a long answer', async () => {
    const { attempt } = await failing((await listen({ status: 500, body: 'é'.repeat(60_000) })).url);
    expect(Buffer.byteLength(attempt?.responseHead ?? '')).toBe(4096);
  });
});

describe('a verifier', () => {
  it('refuses another body, an old time, another id and another secret', async () => {
    const receiver = await listen(200);
    const { account, deliveryId, secret } = await oneDelivery(receiver.url);
    await account.attempt(deliveryId);
    const [message] = receiver.received;
    if (!message) throw new Error('Nothing was received.');
    expect(verify(secret, message)).toMatchObject({ type: 'job.ready' });
    const { headers, body } = message;
    expect(() => verify(secret, { headers, body: `${body} ` })).toThrow();
    expect(() => verify(secret, { headers: { ...headers, 'webhook-id': 'an.other' }, body })).toThrow();
    expect(() => verify(`whsec_${Buffer.alloc(32).toString('base64')}`, message)).toThrow();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 6 * 60_000 });
    expect(() => verify(secret, message)).toThrow('Message timestamp too old');
  });

  it('takes both secrets for a day after a rotation, and then the new one only', async () => {
    const receiver = await listen(200);
    const { account, id, deliveryId, secret: old } = await oneDelivery(receiver.url);
    const { secret } = await harness.operations.rotateSecret(account.actor, id);
    await account.attempt(deliveryId);
    const [during] = receiver.received;
    expect(String(during?.headers['webhook-signature']).split(' ')).toHaveLength(2);
    for (const known of [old, secret])
      expect(verify(known, during ?? { headers: {}, body: '' })).toMatchObject({ type: 'job.ready' });
    const [, second] = await account.emit();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 25 * 3_600_000 });
    await account.attempt(second?._id ?? '');
    const after = receiver.received[1] ?? { headers: {}, body: '' };
    expect(new Webhook(secret).verify(after.body, after.headers as Record<string, string>)).toBeTruthy();
    expect(() => verify(old, after)).toThrow();
  });
});

describe('a replay', () => {
  it('sends the same bytes under the same id and goes on counting', async () => {
    const receiver = await listen(200);
    const { account, deliveryId } = await oneDelivery(receiver.url);
    await account.attempt(deliveryId);
    const replayed = await harness.operations.replayDelivery(account.actor, deliveryId);
    expect(replayed).toMatchObject({ state: 'pending', roundBase: 1 });
    expect(account.started().at(-1)).toMatchObject({ deliveryId, attempt: 2 });
    receiver.answerWith(500, 200);
    // The schedule begins anew: after its first attempt it waits five seconds.
    const retry = await account.attempt(deliveryId, 2);
    expect(retry).toMatchObject({ outcome: 'retry' });
    expect('delayMs' in retry && retry.delayMs).toBeLessThan(6000);
    expect(await account.attempt(deliveryId, 3)).toMatchObject({ outcome: 'delivered' });
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    const { attempts } = await harness.deliveries.get(deliveryId);
    expect(attempts.map(({ number, status }) => [number, status])).toEqual([
      [1, 200],
      [2, 500],
      [3, 200],
    ]);
  });

  it('of one that has not ended wakes it instead of sending it twice', async () => {
    const { account, deliveryId } = await oneDelivery((await listen(500)).url);
    await account.attempt(deliveryId);
    const begun = account.started().length;
    await harness.operations.replayDelivery(account.actor, deliveryId);
    expect(harness.woken).toContain(deliveryId);
    expect(account.started()).toHaveLength(begun);
  });

  it('many times at once begins one more round', async () => {
    const { account, deliveryId } = await oneDelivery((await listen(200)).url);
    await account.attempt(deliveryId);
    const begun = account.started().length;
    await Promise.all(
      Array.from({ length: 10 }, () => harness.operations.replayDelivery(account.actor, deliveryId)),
    );
    expect(account.started()).toHaveLength(begun + 1);
  });

  it('of a time takes all that ended then, or only what failed, or only one endpoint', async () => {
    const [good, bad] = [await listen(200), await listen(400)];
    const account = newWebhookAccount(harness);
    const [fine, broken] = [await account.endpoint(good.url), await account.endpoint(bad.url)];
    bad.answerWith({ status: 400, headers: { 'webhook-delivery': 'abort' } });
    const since = new Date();
    await account.emit();
    await account.emit('file.uploaded');
    for (const { _id } of await account.deliveries()) await account.attempt(_id);
    const replay = (more: object) =>
      harness.operations.replayDeliveries(account.actor, { since, failedOnly: false, ...more });
    expect(await replay({ failedOnly: true })).toEqual({ replayed: 2, left: 0, next: null });
    expect(await replay({ endpointId: fine.id })).toEqual({ replayed: 2, left: 0, next: null });
    expect(await replay({})).toEqual({ replayed: 0, left: 4, next: null });
    for (const { _id } of await account.deliveries()) await account.attempt(_id, 2);
    expect(await replay({ until: since })).toEqual({ replayed: 0, left: 0, next: null });
    await expect(replay({ after: 'nonsense' })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      field: 'after',
    });
    expect(await replay({})).toEqual({ replayed: 4, left: 0, next: null });
    await harness.operations.deleteEndpoint(account.actor, broken.id);
    expect(await replay({ endpointId: broken.id })).toEqual({ replayed: 0, left: 2, next: null });
  });
});
