import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import sharp from 'sharp';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Dialect } from '../../src/domain/dialect.ts';
import { createEnvelopeSealer } from '../../src/secrets/envelope.ts';
import { createKeyring } from '../../src/secrets/keyring.ts';
import { type ActivityHarness, createActivityHarness } from '../support/harness/activity-harness.ts';

const SECRET = 'a secret of the receiver';

let harness: ActivityHarness;
let png: Buffer;
let server: Server;
let url: string;
let answers: number[];
let received: { headers: IncomingHttpHeaders; body: string }[];

beforeAll(async () => {
  harness = await createActivityHarness();
  png = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      received.push({ headers: request.headers, body });
      response.writeHead(answers.shift() ?? 200).end('thank you');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?of=kiln`;
});
beforeEach(() => {
  answers = [];
  received = [];
});
afterAll(async () => {
  server.close();
  await harness.close();
});

/** A job that has become ready and owes its receiver a message. */
async function readyJob(
  callback: { url: string; secret?: string } = { url, secret: SECRET },
  dialect: Dialect = 'swapmyfile',
) {
  const { jobId } = await harness.upload(png, { callback, dialect });
  const converted = await harness.run('convertSmallFile', { jobId });
  await harness.run('recordEnd', { jobId, end: { to: 'ready', outputs: [converted] } });
  return { jobId, ...(await harness.run('prepareCallback', { jobId })) };
}

describe('a callback', () => {
  it('whose workflow the job never started is found by the repair', async () => {
    const { deliveryId } = await readyJob();
    await harness.repairs.deliveries(Date.now() + 60_000);
    expect(harness.started).toContainEqual(expect.objectContaining({ deliveryId, attempt: 1 }));
  });

  it('tells the receiver where the result is, signed in both ways', async () => {
    const { jobId, deliveryId, event } = await readyJob();
    expect(event).toBe('job.ready');
    const outcome = await harness.run('attemptDelivery', { deliveryId, attempt: 1 });
    expect(outcome).toEqual({ outcome: 'delivered', answer: '200' });
    const { headers, body } = received[0] ?? { headers: {}, body: '' };
    const hmac = createHmac('sha256', SECRET).update(body).digest('hex');
    expect(headers).toMatchObject({
      'x-swapmyfile-signature': `sha256=${hmac}`,
      'x-swapmyfile-event': 'job.ready',
      'x-swapmyfile-job-id': jobId,
    });
    const verifier = new Webhook(Buffer.from(SECRET).toString('base64'));
    expect(verifier.verify(body, headers as Record<string, string>)).toMatchObject({
      event: 'job.ready',
      job: { jobId, status: 'ready', downloadUrl: expect.stringContaining('/downloads/signed/') },
    });
  });

  it('is built once: every attempt sends the same bytes under the same id', async () => {
    answers = [500, 200];
    const { jobId, deliveryId } = await readyJob();
    expect(await harness.run('attemptDelivery', { deliveryId, attempt: 1 })).toEqual({
      outcome: 'retry',
      answer: '500',
      delayMs: 1000,
    });
    expect(await harness.run('prepareCallback', { jobId })).toMatchObject({ deliveryId });
    await harness.run('attemptDelivery', { deliveryId, attempt: 2 });
    expect(received).toHaveLength(2);
    expect(new Set(received.map(({ body }) => body)).size).toBe(1);
    expect(new Set(received.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([deliveryId]));
  });

  it('shows on the job and in the delivery how it went', async () => {
    answers = [503, 200];
    const { jobId, deliveryId } = await readyJob();
    await harness.run('attemptDelivery', { deliveryId, attempt: 1 });
    expect((await harness.jobs.get(jobId)).callback).toMatchObject({ status: 'pending', attempts: 1 });
    await harness.run('attemptDelivery', { deliveryId, attempt: 2 });
    const { callback, events } = await harness.jobs.get(jobId);
    expect(callback).toMatchObject({ status: 'delivered', attempts: 2 });
    expect(events.filter(({ type }) => type === 'callback').map(({ message }) => message)).toEqual([
      'attempt 1 failed',
      'delivered',
    ]);
    expect(await harness.deliveries.get(deliveryId)).toMatchObject({
      state: 'delivered',
      attempts: [
        { number: 1, status: 503, networkError: null, responseHead: 'thank you' },
        { number: 2, status: 200 },
      ],
    });
  });

  it('is not sent again when only the record of the attempt had failed', async () => {
    const { jobId, deliveryId } = await readyJob();
    await harness.run('attemptDelivery', { deliveryId, attempt: 1 });
    // The database went away between the delivery's record and the job's.
    await harness.collections.jobs.updateOne(
      { _id: jobId },
      {
        $pull: { events: { type: 'callback' } },
        $set: { 'callback.status': 'pending', 'callback.attempts': 0 },
      },
    );
    expect(await harness.run('attemptDelivery', { deliveryId, attempt: 1 })).toMatchObject({
      outcome: 'delivered',
    });
    expect(received).toHaveLength(1);
    expect((await harness.jobs.get(jobId)).callback).toMatchObject({ status: 'delivered', attempts: 1 });
  });

  it('ends after the fourth attempt', async () => {
    answers = [500, 500, 500, 500];
    const { jobId, deliveryId } = await readyJob();
    const outcomes: string[] = [];
    for (let attempt = 1; attempt <= 4; attempt += 1)
      outcomes.push((await harness.run('attemptDelivery', { deliveryId, attempt })).outcome);
    expect(outcomes).toEqual(['retry', 'retry', 'retry', 'failed']);
    expect((await harness.jobs.get(jobId)).callback).toMatchObject({ status: 'failed', attempts: 4 });
  });

  it('whose secret no master key opens any more fails for good, and says why', async () => {
    const { jobId, deliveryId } = await readyJob();
    const sealer = createEnvelopeSealer(createKeyring([Buffer.alloc(32, 2)]));
    const binding = { collection: 'jobs', id: jobId, field: 'callback.secret' };
    const sealedSecret = sealer.seal(SECRET, binding);
    await harness.collections.deliveries.updateOne({ _id: deliveryId }, { $set: { sealedSecret } });
    expect(await harness.run('attemptDelivery', { deliveryId, attempt: 1 })).toEqual({
      outcome: 'failed',
      answer: 'unsigned',
    });
    expect(received).toEqual([]);
    expect(await harness.deliveries.get(deliveryId)).toMatchObject({
      state: 'failed',
      attempts: [{ number: 1, status: null, networkError: 'unsigned' }],
    });
    const { callback, events } = await harness.jobs.get(jobId);
    expect(callback).toMatchObject({ status: 'failed', attempts: 1 });
    expect(events.at(-1)?.message).toBe(
      'failed: the secret that signs it was sealed by a master key that is gone',
    );
    // A repeat, whose first answer was lost, finds the attempt.
    expect(await harness.run('attemptDelivery', { deliveryId, attempt: 1 })).toMatchObject({
      outcome: 'failed',
    });
  });

  it('without a secret has no signature', async () => {
    const { deliveryId } = await readyJob({ url });
    await harness.run('attemptDelivery', { deliveryId, attempt: 1 });
    const names = Object.keys(received[0]?.headers ?? {});
    expect(names).toContain('webhook-id');
    expect(names.filter((name) => name.includes('signature'))).toEqual([]);
  });

  it('that nobody receives is tried again, and says why', async () => {
    const { deliveryId } = await readyJob({ url: 'http://127.0.0.1:1/nobody' });
    expect(await harness.run('attemptDelivery', { deliveryId, attempt: 1 })).toMatchObject({
      outcome: 'retry',
      answer: 'refused',
    });
    expect((await harness.deliveries.get(deliveryId)).attempts).toMatchObject([
      { status: null, networkError: 'refused' },
    ]);
  });

  it('of a failed job says what went wrong and has no link', async () => {
    const { jobId } = await harness.upload(png, { callback: { url, secret: SECRET } });
    const error = { code: 'CORRUPT_INPUT', message: 'The file is damaged.' } as const;
    await harness.run('recordEnd', { jobId, end: { to: 'failed', fault: error } });
    const { deliveryId, event } = await harness.run('prepareCallback', { jobId });
    await harness.run('attemptDelivery', { deliveryId, attempt: 1 });
    expect(event).toBe('job.failed');
    expect(JSON.parse(received[0]?.body ?? '')).toMatchObject({
      event: 'job.failed',
      job: { status: 'failed', error, downloadUrl: null },
    });
  });

  it('of a GraphQL job is one by Standard Webhooks, as endpoints get it', async () => {
    const { jobId, deliveryId, event } = await readyJob({ url, secret: SECRET }, 'graphql');
    expect(event).toBe('job.ready');
    expect(await harness.deliveries.get(deliveryId)).toMatchObject({ profile: 'standard', endpointId: null });
    answers = [503, 200];
    expect(await harness.run('attemptDelivery', { deliveryId, attempt: 1 })).toMatchObject({
      outcome: 'retry',
      // The second attempt of the standard schedule, a tenth earlier or later.
      delayMs: expect.toSatisfy((delayMs: number) => delayMs >= 4500 && delayMs <= 5500),
    });
    await harness.run('attemptDelivery', { deliveryId, attempt: 2 });
    expect((await harness.jobs.get(jobId)).callback).toMatchObject({ status: 'delivered', attempts: 2 });
    const { headers, body } = received[1] ?? { headers: {}, body: '' };
    const verifier = new Webhook(Buffer.from(SECRET).toString('base64'));
    expect(verifier.verify(body, headers as Record<string, string>)).toMatchObject({
      type: 'job.ready',
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      data: {
        id: jobId,
        status: 'ready',
        dialect: 'graphql',
        outputs: [{ downloadUrl: expect.stringMatching(/^https:\/\/kiln\.example\/downloads\/signed\//) }],
        error: null,
      },
    });
    expect(Object.keys(headers).filter((name) => name.startsWith('x-'))).toEqual([]);
  });

  it.each([
    ['failed', { code: 'CORRUPT_INPUT', message: 'The file is damaged.' }],
    ['cancelled', { code: 'CANCELLED', message: 'The job was cancelled.' }],
  ] as const)('of a GraphQL job that has %s says so', async (to, error) => {
    const { jobId } = await harness.upload(png, { callback: { url }, dialect: 'graphql' });
    await harness.run('recordEnd', { jobId, end: { to, fault: error } });
    const { deliveryId, event } = await harness.run('prepareCallback', { jobId });
    await harness.run('attemptDelivery', { deliveryId, attempt: 1 });
    expect(event).toBe(`job.${to}`);
    expect(JSON.parse(received[0]?.body ?? '')).toMatchObject({
      type: `job.${to}`,
      data: { id: jobId, status: to, outputs: [], error },
    });
  });

  it('that was noted before, in the words of another API, goes out as it was noted', async () => {
    const { jobId, deliveryId } = await readyJob({ url }, 'graphql');
    const body = JSON.stringify({ event: 'job.ready', job: { jobId } });
    await harness.collections.deliveries.updateOne(
      { _id: deliveryId },
      { $set: { profile: 'swapmyfile', body } },
    );
    expect(await harness.run('prepareCallback', { jobId })).toMatchObject({ deliveryId });
    answers = [500];
    expect(await harness.run('attemptDelivery', { deliveryId, attempt: 1 })).toMatchObject({ delayMs: 1000 });
    expect(received[0]).toMatchObject({ body, headers: { 'x-swapmyfile-event': 'job.ready' } });
  });

  it('shows Temporal the origin only, and keeps its secret sealed', async () => {
    const { jobId, deliveryId, url: shown } = await readyJob();
    expect(shown).toBe(new URL(url).origin);
    const stored = JSON.stringify([await harness.deliveries.get(deliveryId), await harness.jobs.get(jobId)]);
    expect(stored).not.toContain(SECRET);
  });
});
