import { createHmac, randomBytes } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { retryAfterSeconds } from '../../src/domain/webhooks/backoff.ts';
import { judgeAttempt, WEBHOOK_SCHEDULES } from '../../src/domain/webhooks/webhook-profile.ts';
import { createHttpSender } from '../../src/net/fetch.ts';
import { createGuard } from '../../src/net/guard.ts';
import { signWebhook, type WebhookToSign } from '../../src/net/webhook.ts';

const body = '{"event":"job.ready"}';
const now = new Date();
const webhook: WebhookToSign = {
  profile: 'swapmyfile',
  body,
  deliveryId: '019ab1c2-0000-7000-8000-000000000001',
  event: 'job.ready',
  subjectId: '019ab1c2-0000-7000-8000-000000000002',
  timestamp: now,
};
const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`;

describe('the swapmyfile profile', () => {
  it('signs the raw body as its receivers expect', () => {
    const headers = signWebhook({ ...webhook, secret: 'cbsecret' });
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'x-swapmyfile-event': 'job.ready',
      'x-swapmyfile-job-id': webhook.subjectId,
      'x-swapmyfile-signature': 'sha256=74b50aa277dbd6d40300c6960cd20304f2e85fe36de2ee46325c9fb83615d7c2',
      'webhook-id': webhook.deliveryId,
      'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
    });
    const raw = new Webhook('cbsecret', { format: 'raw' });
    expect(raw.verify(body, headers)).toEqual({ event: 'job.ready' });
  });

  it.each([undefined, ''])('sends all headers but the signature with the secret %j', (secret) => {
    expect(Object.keys(signWebhook({ ...webhook, secret })).sort()).toEqual([
      'content-type',
      'webhook-id',
      'webhook-timestamp',
      'x-swapmyfile-event',
      'x-swapmyfile-job-id',
    ]);
  });

  it('uses the secret as it was typed for its own header, even one that begins with whsec_', () => {
    const secret = newSecret();
    const headers = signWebhook({ ...webhook, secret });
    const expected = createHmac('sha256', secret).update(body).digest('hex');
    expect(headers['x-swapmyfile-signature']).toBe(`sha256=${expected}`);
    expect(new Webhook(secret).verify(body, headers)).toEqual({ event: 'job.ready' });
  });
});

describe('the standard profile', () => {
  const standard: WebhookToSign = { ...webhook, profile: 'standard' };

  it('passes the Standard Webhooks verifier, bytes and text alike, and names no other product', () => {
    const secret = newSecret();
    for (const sent of [body, Buffer.from(body)]) {
      const headers = signWebhook({ ...standard, body: sent, secret });
      expect(new Webhook(secret).verify(body, headers)).toEqual({ event: 'job.ready' });
      expect(Object.keys(headers).filter((name) => name.startsWith('x-'))).toEqual([]);
    }
  });

  it('is refused with another body, id, time or secret', () => {
    const secret = newSecret();
    const headers = signWebhook({ ...standard, secret });
    const verifier = new Webhook(secret);
    expect(() => verifier.verify('{"event":"job.failed"}', headers)).toThrow();
    expect(() => verifier.verify(body, { ...headers, 'webhook-id': 'other' })).toThrow();
    expect(() => new Webhook(newSecret()).verify(body, headers)).toThrow();
    const old = signWebhook({ ...standard, secret, timestamp: new Date(now.getTime() - 10 * 60_000) });
    expect(() => verifier.verify(body, old)).toThrow();
  });

  it('is accepted under both secrets during a rotation', () => {
    const [secret, previousSecret] = [newSecret(), newSecret()];
    const headers = signWebhook({ ...standard, secret, previousSecret });
    for (const known of [secret, previousSecret]) {
      expect(new Webhook(known).verify(body, headers)).toEqual({ event: 'job.ready' });
    }
  });

  it.each(['whsec_', 'whsec_=', 'whsec_a', 'whsec_not base64!', 'pässwort'])(
    'takes %j literally',
    (secret) => {
      const headers = signWebhook({ ...standard, secret });
      const signed = `${webhook.deliveryId}.${headers['webhook-timestamp']}.${body}`;
      const expected = createHmac('sha256', Buffer.from(secret)).update(signed).digest('base64');
      expect(headers['webhook-signature']).toBe(`v1,${expected}`);
    },
  );
});

describe('what never becomes a header', () => {
  it.each([
    ['event', 'job.ready\r\nx-evil: 1'],
    ['event', 'job.ready\n'],
    ['event', ''],
    ['subjectId', 'a\rb'],
    ['subjectId', 'ж'],
    ['deliveryId', 'id.with.dots'],
    ['deliveryId', `${'9'.repeat(129)}`],
  ])('%s %j', (field, value) => {
    expect(() => signWebhook({ ...webhook, [field]: value })).toThrow(
      'The webhook has an id or event that cannot be sent.',
    );
  });
});

describe('a delivery from the first attempt to the last', () => {
  it('reaches a receiver that fails twice: one id, the same bytes, each attempt verifiable', async () => {
    const secret = newSecret();
    const received: { headers: IncomingHttpHeaders; body: string }[] = [];
    const server = createServer(async (request, response) => {
      received.push({ headers: request.headers, body: Buffer.concat(await request.toArray()).toString() });
      response.writeHead(received.length < 3 ? 503 : 200, { 'retry-after': '120' }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const guard = createGuard({ allowedNetworks: ['127.0.0.1/32'], refusedPorts: () => [] });
    const sender = createHttpSender({ guard, version: '0.0.0' });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

    const verdicts = [];
    for (const attempt of [1, 2, 3]) {
      const headers = signWebhook({ ...webhook, profile: 'standard', secret });
      const { timeoutMs } = WEBHOOK_SCHEDULES.standard;
      const answer = await sender.post({ url, headers, body, timeoutMs });
      const result =
        'status' in answer
          ? { ...answer, retryAfterSeconds: retryAfterSeconds(answer.headers['retry-after'], now) }
          : { networkError: answer.reason };
      verdicts.push(judgeAttempt('standard', attempt, result, 0.5));
    }
    sender.close();
    await new Promise((resolve) => server.close(resolve));

    expect(verdicts).toEqual([
      { outcome: 'retry', delayMs: 120_000 },
      { outcome: 'retry', delayMs: 300_000 },
      { outcome: 'delivered' },
    ]);
    for (const attempt of received) {
      expect(attempt.headers['webhook-id']).toBe(webhook.deliveryId);
      const headers = attempt.headers as Record<string, string>;
      expect(new Webhook(secret).verify(attempt.body, headers)).toEqual({ event: 'job.ready' });
    }
    expect(received).toHaveLength(3);
  });
});
