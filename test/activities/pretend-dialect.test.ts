import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createPretendSources, type PretendSources } from '../support/pretend-dialect.ts';

let sources: PretendSources;
// biome-ignore lint/suspicious/noExplicitAny: Of the copy, whose types this test does not have.
let harness: any;
let server: Server;
const received: { headers: IncomingHttpHeaders; body: string }[] = [];

beforeAll(async () => {
  sources = await createPretendSources();
  const { createActivityHarness } = await sources.load('test/support/harness/activity-harness.ts');
  harness = await createActivityHarness();
  server = createServer(async (request, response) => {
    received.push({ headers: request.headers, body: await text(request) });
    response.writeHead(received.length === 1 ? 500 : 200).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  server.close();
  await harness.close();
  await sources.remove();
});

it('a dialect that is a row and a folder sends callbacks with its own body, headers and schedule', async () => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const png = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
    .png()
    .toBuffer();
  const { jobId } = await harness.upload(png, { dialect: 'pretend', callback: { url, secret: 'secret' } });
  const converted = await harness.run('convertSmallFile', { jobId });
  await harness.run('recordEnd', { jobId, end: { to: 'ready', outputs: [converted] } });

  const { deliveryId, event } = await harness.run('prepareCallback', { jobId });
  expect(event).toBe('pretend.over');
  expect(await harness.deliveries.get(deliveryId)).toMatchObject({ profile: 'pretend' });
  expect(await harness.run('attemptDelivery', { deliveryId, attempt: 1 })).toEqual({
    outcome: 'retry',
    answer: '500',
    delayMs: 7,
  });
  expect(await harness.run('attemptDelivery', { deliveryId, attempt: 2 })).toMatchObject({
    outcome: 'delivered',
  });
  const { headers, body } = received[1] ?? { headers: {}, body: '{}' };
  expect(JSON.parse(body)).toEqual({
    over: jobId,
    results: [expect.stringMatching(/^https:\/\/kiln\.example\/downloads\/signed\//)],
  });
  expect(headers).toMatchObject({
    'x-pretend-job': jobId,
    'x-pretend-signature': `v1=${createHmac('sha256', 'secret').update(body).digest('hex')}`,
    'webhook-id': deliveryId,
  });
  expect(Object.keys(headers).filter((name) => /swapmyfile|pretend-event|null/.test(name))).toEqual([]);
});
