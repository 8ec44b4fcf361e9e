import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newIntent, type Service, send, startService } from './service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const stateOf = async (id: string) => (await service.memory.uploads.get(id)).state;

describe('PUT of raw bytes', () => {
  it('stores any content type, with a length or chunked, and completes once', async () => {
    const bytes = randomBytes(300_000);
    for (const headers of [
      { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': String(bytes.length) },
      { 'Content-Type': 'no/such-type' },
    ]) {
      const upload = await newIntent(service, bytes.length);
      const put = await send(service.url, service.links.uploadPath(upload), {
        method: 'PUT',
        headers,
        body: Readable.from([bytes.subarray(0, 1000), bytes.subarray(1000)]),
      });
      expect(put.status).toBe(200);
      expect(put.headers['content-type']).toBe('application/json');
      expect(put.json()).toEqual({ status: 'received', size: bytes.length });
      const complete = () => send(service.url, service.links.completePath(upload), { method: 'POST' });
      expect((await complete()).json()).toEqual({ status: 'completed' });
      expect((await complete()).json()).toEqual({ status: 'already_completed' });
      const { received } = await service.memory.uploads.get(upload._id);
      expect(received?.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
    }
  });

  it('takes another body until it is completed, and none after', async () => {
    const upload = await newIntent(service, 3);
    const put = (body: string) =>
      send(service.url, service.links.uploadPath(upload), { method: 'PUT', body });
    await put('one');
    await put('two');
    await send(service.url, service.links.completePath(upload), { method: 'POST' });
    const late = await put('bad');
    expect(late.status).toBe(409);
    const file = await service.memory.files.get(upload._id);
    expect(await text(await service.blobs.read(file.blobId))).toBe('two');
  });

  it('refuses completion before any bytes have come', async () => {
    const upload = await newIntent(service, 3);
    const answer = await send(service.url, service.links.completePath(upload), { method: 'POST' });
    expect(answer.status).toBe(409);
    expect(answer.json()).toMatchObject({ error: { code: 'UPLOAD_MISSING' } });
  });

  it('refuses fewer bytes than announced, for good', async () => {
    const upload = await newIntent(service, 100);
    const answer = await send(service.url, service.links.uploadPath(upload), {
      method: 'PUT',
      body: 'short',
    });
    expect(answer.status).toBe(409);
    expect(answer.json()).toMatchObject({ error: { code: 'SIZE_MISMATCH' } });
    expect(await stateOf(upload._id)).toBe('rejected');
  });

  it('answers a body that is too long without waiting for its end', async () => {
    const upload = await newIntent(service, 1000);
    // A body without an end: only a server that stops reading can ever answer it.
    const endless = Readable.from(
      (async function* () {
        for (;;) {
          yield randomBytes(64 * 1024);
          // As fast as a network and no faster: what still comes after the answer is read for half a second or 64 MiB.
          await setTimeout(2);
        }
      })(),
    );
    const answer = await send(service.url, service.links.uploadPath(upload), {
      method: 'PUT',
      body: endless,
    });
    endless.destroy();
    expect(answer.status).toBe(413);
    expect(answer.json()).toMatchObject({ error: { code: 'TOO_LARGE' } });
    expect(await stateOf(upload._id)).toBe('rejected');
  });

  it('refuses an impossible length before reading a byte', async () => {
    const upload = await newIntent(service, 1000);
    const answer = await send(service.url, service.links.uploadPath(upload), {
      method: 'PUT',
      headers: { 'Content-Length': String(2 ** 40) },
      body: Readable.from([]),
    });
    expect(answer.status).toBe(413);
    expect(await stateOf(upload._id)).toBe('open');
  });

  it('keeps nothing of a client that goes away half-way', async () => {
    const before = (await service.storedBlobs()).length;
    const upload = await newIntent(service, 10_000_000);
    const socket = connect(service.port, '127.0.0.1');
    socket.write(
      `PUT ${service.links.uploadPath(upload)} HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n`,
    );
    socket.write(randomBytes(1_000_000));
    await expect.poll(async () => (await service.storedBlobs()).length).toBe(before + 1);
    socket.destroy();
    await expect.poll(async () => (await service.storedBlobs()).length).toBe(before);
    expect(await stateOf(upload._id)).toBe('open');
    const bytes = Buffer.alloc(10_000_000);
    expect(
      (await send(service.url, service.links.uploadPath(upload), { method: 'PUT', body: bytes })).status,
    ).toBe(200);
  });

  it('stores compressed bytes as they are, so that no bomb goes off here', async () => {
    const bomb = gzipSync(Buffer.alloc(1_000_000));
    const upload = await newIntent(service, bomb.length);
    const headers = { 'Content-Encoding': 'gzip' };
    const answer = await send(service.url, service.links.uploadPath(upload), {
      method: 'PUT',
      headers,
      body: bomb,
    });
    expect(answer.json()).toEqual({ status: 'received', size: bomb.length });
  });

  it('may be used from pages of any origin', async () => {
    const upload = await newIntent(service, 3);
    const path = service.links.uploadPath(upload);
    const preflight = await send(service.url, path, {
      method: 'OPTIONS',
      headers: {
        Origin: 'https://app.example',
        'Access-Control-Request-Method': 'PUT',
        'Access-Control-Request-Headers': 'content-type',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers['access-control-allow-origin']).toBe('*');
    expect(preflight.headers['access-control-allow-methods']).toContain('PUT');
    expect(preflight.headers['access-control-allow-headers']).toContain('content-type');
    const refused = await send(service.url, `${path}x`, {
      method: 'PUT',
      headers: { Origin: 'https://app.example' },
      body: 'abc',
    });
    expect(refused.status).toBe(403);
    expect(refused.headers['access-control-allow-origin']).toBe('*');
  });
});

describe('a signed upload link', () => {
  const other = (character: string) => (character === 'A' ? 'B' : 'A');

  it.each<[string, (path: string) => string]>([
    ['an added parameter', (path) => `${path}?a=1`],
    ['an empty query', (path) => `${path}?`],
    ['a doubled parameter', (path) => `${path}?a=1&a=2`],
    ['a trailing slash', (path) => `${path}/`],
    ['a doubled slash', (path) => path.replace('/uploads/', '/uploads//')],
    ['a dot segment', (path) => path.replace('/uploads/', '/x/../uploads/')],
    ['another case', (path) => path.replace(/[a-z](?=[^a-z]*$)/, (letter) => letter.toUpperCase())],
    ['a percent-encoded dot', (path) => path.replace('.', '%2E')],
    [
      'a percent-encoded letter',
      (path) => path.replace(/.$/, (last) => `%${last.charCodeAt(0).toString(16)}`),
    ],
    ['another last character', (path) => path.replace(/.$/, other)],
    [
      'another key id',
      (path) => path.replace(/uploads\/./, (start) => (start.endsWith('0') ? 'uploads/1' : 'uploads/0')),
    ],
    ['a missing signature', (path) => path.slice(0, path.lastIndexOf('.'))],
    ['a fourth part', (path) => `${path}.x`],
    ['padding', (path) => `${path}=`],
  ])('is refused with %s', async (_name, alter) => {
    const upload = await newIntent(service, 3);
    const path = service.links.uploadPath(upload);
    expect(alter(path)).not.toBe(path);
    const answer = await send(service.url, alter(path), { method: 'PUT', body: 'abc' });
    expect(answer.status).toBe(403);
    expect(answer.json()).toMatchObject({ error: { code: 'FORBIDDEN' } });
    expect(await stateOf(upload._id)).toBe('open');
  });

  it('is refused when it has expired, or was signed for something else', async () => {
    const expired = await newIntent(service, 3, { expiresAt: new Date(Date.now() - 1000) });
    expect(
      (await send(service.url, service.links.uploadPath(expired), { method: 'PUT', body: 'abc' })).status,
    ).toBe(403);
    const upload = await newIntent(service, 3);
    const completeToken = service.links.completePath(upload).split('/').at(-2);
    expect(
      (await send(service.url, `/_kiln/uploads/${completeToken}`, { method: 'PUT', body: 'abc' })).status,
    ).toBe(403);
    const uploadToken = service.links.uploadPath(upload).split('/').at(-1);
    expect(
      (await send(service.url, `/_kiln/uploads/${uploadToken}/complete`, { method: 'POST' })).status,
    ).toBe(403);
  });

  it.each(['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'])('knows no %s', async (method) => {
    const answer = await send(service.url, service.links.uploadPath(await newIntent(service, 3)), { method });
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe('PUT');
  });
});

describe('hostile connections', () => {
  it('cuts an upload on which nothing moves, and keeps nothing of it', async () => {
    const impatient = await startService({ limits: { uploadBytes: 1000, idleMs: 100 } });
    try {
      const upload = await newIntent(impatient, 1000);
      const socket = connect(impatient.port, '127.0.0.1');
      socket.write(
        `PUT ${impatient.links.uploadPath(upload)} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc`,
      );
      socket.resume();
      await once(socket, 'close');
      await expect.poll(() => impatient.storedBlobs()).toEqual([]);
    } finally {
      await impatient.close();
    }
  });

  it('refuses a length together with chunks, where a second request could hide', async () => {
    const upload = await newIntent(service, 3);
    const socket = connect(service.port, '127.0.0.1');
    socket.write(
      `PUT ${service.links.uploadPath(upload)} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n`,
    );
    const answer = await text(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).not.toContain('"ok"');
    expect(await stateOf(upload._id)).toBe('open');
  });
});
