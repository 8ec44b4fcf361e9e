import { createHash } from 'node:crypto';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createReceiver,
  createSwapmyfileClient,
  picture,
  signatureMatches,
} from '../support/service/client.ts';
import {
  type KilnProcess,
  newDataDir,
  removeDataDir,
  startKilnProcess,
  until,
} from '../support/service/kiln-process.ts';

let kiln: KilnProcess;

beforeAll(async () => {
  kiln = await startKilnProcess({ dataDir: await newDataDir(), mark: 'e2e-swapmyfile' });
});

afterAll(async () => {
  await kiln?.stop();
  await removeDataDir(kiln.dataDir);
});

const pngToWebp = (bytes: Buffer, more: object = {}) => ({
  converterSlug: 'png-to-webp',
  inputFilename: 'hero.png',
  inputMime: 'image/png',
  inputSize: bytes.length,
  ...more,
});

describe('SwapMyFile against the running service', () => {
  it('prepare, upload as instructed, poll, download', async () => {
    const client = createSwapmyfileClient(kiln.url, kiln.credentials.apiKey);
    const bytes = await picture(320, 200, 'jpeg');
    const prepared = await client.prepare({
      converterSlug: 'jpg-to-png',
      inputFilename: 'hero.jpg',
      inputMime: 'image/jpeg',
      inputSize: bytes.length,
    });
    expect(prepared.job.status).toBe('awaiting_upload');
    expect(prepared.upload).toMatchObject({ mode: 'put', method: 'PUT' });
    expect(prepared.statusToken).toBeTruthy();
    await client.upload(prepared, bytes);

    const job = await client.ended(prepared.job.jobId);
    expect(job).toMatchObject({ status: 'ready', outputFilename: 'hero.png' });
    const result = await client.download(job.downloadUrl ?? '');
    expect(await sharp(result).metadata()).toMatchObject({ format: 'png', width: 320, height: 200 });
  });

  it('prepare and upload by multipart, when asked for', async () => {
    const client = createSwapmyfileClient(kiln.url, kiln.credentials.apiKey);
    const bytes = await picture(64, 48);
    const prepared = await client.prepare(pngToWebp(bytes, { uploadMode: 'multipart' }));
    expect(prepared.upload).toMatchObject({ mode: 'multipart', method: 'POST', fieldName: 'file' });
    const form = new FormData();
    form.set('file', new Blob([Uint8Array.from(bytes)], { type: 'image/png' }), 'hero.png');
    const answer = await fetch(prepared.upload.url, { method: 'POST', body: form });
    expect(answer.ok).toBe(true);
    const job = await client.ended(prepared.job.jobId);
    expect(await sharp(await client.download(job.downloadUrl ?? '')).metadata()).toMatchObject({
      format: 'webp',
      width: 64,
    });
  });

  it('bad requests are refused before any byte moves', async () => {
    const request = pngToWebp(Buffer.alloc(10));
    const post = async (body: unknown) => {
      const answer = await fetch(`${kiln.url}/uploads/prepare`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': kiln.credentials.apiKey },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
      return { status: answer.status, error: (await answer.json()).error };
    };
    for (const inputSize of [0, -1, 1.5, '10', undefined, null])
      expect((await post({ ...request, inputSize })).status).toBe(400);
    expect((await post({ ...request, inputSize: 2 ** 50 })).status).toBe(413);
    expect((await post({ ...request, converterSlug: undefined })).status).toBe(400);
    expect(await post({ ...request, converterSlug: 'png-to-nothing' })).toMatchObject({
      status: 404,
      error: { code: 'UNKNOWN_CONVERTER' },
    });
    expect((await post({ ...request, callbackUrl: 'ftp://example.com/x' })).status).toBe(400);
    expect((await post({ ...request, callbackSecret: 's' })).status).toBe(400);
    expect((await post('{"converterSlug":')).status).toBe(400);
  });

  it('the callback carries the documented headers and a signature over the raw body', async () => {
    const receiver = await createReceiver();
    const client = createSwapmyfileClient(kiln.url, kiln.credentials.apiKey);
    const bytes = await picture(40, 40);
    const prepared = await client.prepare(
      pngToWebp(bytes, { callbackUrl: receiver.url, callbackSecret: 'cbsecret' }),
    );
    await client.upload(prepared, bytes);
    await until(() => receiver.received.length > 0, 20_000);
    const [call] = receiver.received;
    if (!call) throw new Error('no callback');
    expect(call.headers['x-swapmyfile-event']).toBe('job.ready');
    expect(call.headers['x-swapmyfile-job-id']).toBe(prepared.job.jobId);
    expect(signatureMatches('cbsecret', call)).toBe(true);
    expect(signatureMatches('wrong', call)).toBe(false);
    const body = JSON.parse(call.body);
    expect(body).toMatchObject({
      event: 'job.ready',
      job: {
        jobId: prepared.job.jobId,
        converterSlug: 'png-to-webp',
        status: 'ready',
        inputFilename: 'hero.png',
        outputFilename: 'hero.webp',
        callback: { url: receiver.url, status: 'pending', attempts: 0 },
      },
    });
    expect(body.deliveredAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(await sharp(await client.download(body.job.downloadUrl)).metadata()).toMatchObject({
      format: 'webp',
      width: 40,
    });
    await until(async () => (await client.job(prepared.job.jobId)).callback?.status === 'delivered', 10_000);
    expect(receiver.received).toHaveLength(1);
    await receiver.close();
  });

  it('three 500s, then 200: four posts with the same bytes; no secret, no signature', async () => {
    const receiver = await createReceiver([500, 500, 500]);
    const client = createSwapmyfileClient(kiln.url, kiln.credentials.apiKey);
    const bytes = await picture(40, 40);
    const prepared = await client.prepare(pngToWebp(bytes, { callbackUrl: receiver.url }));
    await client.upload(prepared, bytes);
    await until(() => receiver.received.length === 4, 40_000);
    await until(async () => (await client.job(prepared.job.jobId)).callback?.status === 'delivered', 10_000);
    expect(await client.job(prepared.job.jobId)).toMatchObject({
      callback: { attempts: 4, status: 'delivered' },
    });
    expect(new Set(receiver.received.map(({ body }) => body)).size).toBe(1);
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    for (const { headers } of receiver.received) {
      expect(headers['x-swapmyfile-event']).toBe('job.ready');
      expect(headers).not.toHaveProperty('x-swapmyfile-signature');
      expect(headers).not.toHaveProperty('webhook-signature');
    }
    await receiver.close();
  });

  it('a guest sees the status by token, and the link only as the guest', async () => {
    const guest = createSwapmyfileClient(kiln.url);
    const bytes = await picture(50, 30);
    const prepared = await guest.prepare(pngToWebp(bytes));
    expect(prepared.guestToken).toBeTruthy();
    await guest.upload(prepared, bytes);
    const asGuest = { authorization: `Bearer ${prepared.guestToken}` };
    await until(async () => (await guest.job(prepared.job.jobId, asGuest)).status === 'ready', 20_000);
    const job = await guest.job(prepared.job.jobId, asGuest);
    expect(await sharp(await guest.download(job.downloadUrl ?? '')).metadata()).toMatchObject({
      format: 'webp',
      width: 50,
    });

    const byToken = await fetch(`${kiln.url}/jobs/${prepared.job.jobId}?token=${prepared.statusToken}`);
    expect(byToken.status).toBe(200);
    const seen = (await byToken.json()).job;
    expect(seen.status).toBe('ready');
    expect(seen).not.toHaveProperty('downloadUrl');

    expect((await fetch(`${kiln.url}/jobs/${prepared.job.jobId}`)).status).toBe(401);
    const callback = await fetch(`${kiln.url}/uploads/prepare`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(pngToWebp(bytes, { callbackUrl: 'http://127.0.0.1:9/x' })),
    });
    expect(callback.status).toBe(401);
  });

  it("another owner's job looks like an unknown one", async () => {
    const guest = createSwapmyfileClient(kiln.url);
    const prepared = await guest.prepare(pngToWebp(Buffer.alloc(10)));
    const ask = async (id: string) => {
      const answer = await fetch(`${kiln.url}/jobs/${id}`, {
        headers: { 'x-api-key': kiln.credentials.apiKey },
      });
      return { status: answer.status, body: await answer.json() };
    };
    const foreign = await ask(prepared.job.jobId);
    expect(foreign.status).toBe(404);
    expect(foreign).toEqual(await ask('0190a0a0-0000-7000-8000-000000000000'));
  });

  it('JSON is plain application/json, a trailing slash changes nothing, nothing redirects', async () => {
    const headers = { 'x-api-key': kiln.credentials.apiKey };
    for (const path of ['/jobs/0190a0a0-0000-7000-8000-000000000000', '/health', '/ready']) {
      const plain = await fetch(kiln.url + path, { headers, redirect: 'manual' });
      const slashed = await fetch(`${kiln.url}${path}/`, { headers, redirect: 'manual' });
      expect([slashed.status, await slashed.text()]).toEqual([plain.status, await plain.text()]);
      expect(plain.headers.get('content-type')).toBe('application/json');
    }
    const answer = await fetch(`${kiln.url}/uploads/prepare/`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(pngToWebp(Buffer.alloc(10))),
    });
    expect(answer.status).toBe(201);
  });

  it('bytes that are not what was promised end the job with a code and a sentence', async () => {
    const client = createSwapmyfileClient(kiln.url, kiln.credentials.apiKey);
    const good = await picture(300, 300);
    const jpeg = await picture(64, 64, 'jpeg');
    const bomb = await pixelBomb();
    const cases: [string, Buffer][] = [
      ['CORRUPT_INPUT', good.subarray(0, good.length >> 1)],
      ['TYPE_MISMATCH', jpeg],
      ['TYPE_MISMATCH', Buffer.from('#!/bin/sh\necho pretending to be a picture\n')],
      ['TOO_MANY_PIXELS', bomb],
    ];
    for (const [code, bytes] of cases) {
      const prepared = await client.prepare(pngToWebp(bytes));
      await client.upload(prepared, bytes);
      const job = await client.ended(prepared.job.jobId);
      expect(job).toMatchObject({ status: 'failed', error: { code } });
      expect(job.error?.message).toMatch(/^[A-Z].{10,}\.$/);
      expect(job.downloadUrl ?? null).toBeNull();
    }
  });

  it('another length than declared is refused, and ends the job', async () => {
    const client = createSwapmyfileClient(kiln.url, kiln.credentials.apiKey);
    const bytes = await picture(64, 64);
    for (const delta of [-1, 1]) {
      const prepared = await client.prepare(pngToWebp(bytes, { inputSize: bytes.length + delta }));
      const put = await fetch(prepared.upload.url, {
        method: 'PUT',
        headers: prepared.upload.headers,
        body: Uint8Array.from(bytes),
      });
      expect(put.status).toBe(delta < 0 ? 413 : 409);
      expect(await client.ended(prepared.job.jobId)).toMatchObject({
        status: 'failed',
        error: { code: 'SIZE_MISMATCH' },
      });
    }
  });

  it('ranges and HEAD of a result agree with its bytes', async () => {
    const client = createSwapmyfileClient(kiln.url, kiln.credentials.apiKey);
    const bytes = await picture(200, 100);
    const prepared = await client.prepare(pngToWebp(bytes));
    await client.upload(prepared, bytes);
    const job = await client.ended(prepared.job.jobId);
    const url = new URL(job.downloadUrl ?? '', kiln.url);
    const whole = await client.download(url.href);
    const head = await fetch(url, { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe(String(whole.length));
    expect(head.headers.get('content-disposition')).toContain('filename="hero.webp"');
    expect(head.headers.get('x-content-type-options')).toBe('nosniff');
    const parts = [];
    for (const range of [`bytes=0-99`, `bytes=100-`]) {
      const part = await fetch(url, { headers: { range } });
      expect(part.status).toBe(206);
      parts.push(Buffer.from(await part.arrayBuffer()));
    }
    const digest = (data: Buffer) => createHash('sha256').update(data).digest('hex');
    expect(digest(Buffer.concat(parts))).toBe(digest(whole));
  });
});

/** A PNG whose header claims 60,000 × 60,000 pixels. */
async function pixelBomb(): Promise<Buffer> {
  const png = await picture(8, 8);
  const bomb = Buffer.from(png);
  bomb.writeUInt32BE(60_000, 16);
  bomb.writeUInt32BE(60_000, 20);
  const { crc32 } = await import('node:zlib');
  bomb.writeUInt32BE(crc32(bomb.subarray(12, 29)), 29);
  return bomb;
}
