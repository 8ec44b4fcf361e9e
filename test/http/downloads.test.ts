import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StoredFile } from '../../src/domain/files/file.ts';
import { newId } from '../../src/domain/id.ts';
import { type Service, send, startService } from './service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

async function store(
  bytes: Buffer,
  overrides: Partial<StoredFile> = {},
): Promise<{ file: StoredFile; path: string }> {
  const id = newId();
  await service.blobs.write(id, Readable.from([bytes]), { maxBytes: bytes.length });
  const file: StoredFile = {
    _id: id,
    owner: 'guest:g',
    blobId: id,
    filename: 'hero.png',
    size: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    format: 'png',
    mime: 'image/png',
    width: null,
    height: null,
    origin: 'output',
    jobId: null,
    createdAt: new Date(),
    expiresAt: new Date(Date.now() + 3_600_000),
    ...overrides,
  };
  await service.memory.files.insertIfAbsent(file);
  return { file, path: service.links.downloadPath(file) };
}

const alphabet = Buffer.from('abcdefghij');

describe('a signed download', () => {
  it('gives the bytes as an attachment that runs nothing', async () => {
    const bytes = randomBytes(1_000_000);
    const { file, path } = await store(bytes);
    const answer = await send(service.url, path);
    expect(answer.status).toBe(200);
    expect(answer.bytes.equals(bytes)).toBe(true);
    expect(answer.headers).toMatchObject({
      'content-type': 'image/png',
      'content-length': '1000000',
      'content-disposition': `attachment; filename="hero.png"; filename*=UTF-8''hero.png`,
      'accept-ranges': 'bytes',
      etag: `"${file.sha256}"`,
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; sandbox",
      'referrer-policy': 'no-referrer',
      'cache-control': 'private, no-transform',
      'access-control-allow-origin': '*',
    });
  });

  it('answers HEAD with the same headers and no body', async () => {
    const { path } = await store(alphabet);
    const [head, get] = await Promise.all([
      send(service.url, path, { method: 'HEAD' }),
      send(service.url, path),
    ]);
    const { date: _headDate, ...headHeaders } = head.headers;
    const { date: _getDate, ...getHeaders } = get.headers;
    expect(head.status).toBe(200);
    expect(headHeaders).toEqual(getHeaders);
    expect(head.bytes.length).toBe(0);
  });

  it('gives an empty file', async () => {
    const { path } = await store(Buffer.alloc(0));
    const answer = await send(service.url, path, { headers: { Range: 'bytes=0-0' } });
    expect([answer.status, answer.headers['content-range']]).toEqual([416, 'bytes */0']);
    expect((await send(service.url, path)).headers['content-length']).toBe('0');
  });

  it.each<[string, number, string, string | undefined]>([
    ['bytes=0-3', 206, 'abcd', 'bytes 0-3/10'],
    ['bytes=4-', 206, 'efghij', 'bytes 4-9/10'],
    ['bytes=-3', 206, 'hij', 'bytes 7-9/10'],
    ['bytes=-100', 206, 'abcdefghij', 'bytes 0-9/10'],
    ['bytes=8-100', 206, 'ij', 'bytes 8-9/10'],
    ['bytes=9-9', 206, 'j', 'bytes 9-9/10'],
    ['Bytes=0-0', 206, 'a', 'bytes 0-0/10'],
    ['bytes=0-1,4-5', 200, 'abcdefghij', undefined],
    ['bytes=5-2', 200, 'abcdefghij', undefined],
    ['bytes=-', 200, 'abcdefghij', undefined],
    ['bytes=a-b', 200, 'abcdefghij', undefined],
    ['lines=0-3', 200, 'abcdefghij', undefined],
  ])('serves Range: %s', async (range, status, text, contentRange) => {
    const { path } = await store(alphabet);
    const answer = await send(service.url, path, { headers: { Range: range } });
    expect([answer.status, answer.text, answer.headers['content-range']]).toEqual([
      status,
      text,
      contentRange,
    ]);
    expect(answer.headers['content-length']).toBe(String(text.length));
  });

  it.each(['bytes=10-', 'bytes=10-20', 'bytes=-0', `bytes=${'9'.repeat(400)}-`])(
    'has nothing for Range: %s',
    async (range) => {
      const { path } = await store(alphabet);
      const answer = await send(service.url, path, { headers: { Range: range } });
      expect([answer.status, answer.headers['content-range']]).toEqual([416, 'bytes */10']);
      expect(answer.json()).toMatchObject({ error: { code: 'RANGE_NOT_SATISFIABLE' } });
    },
  );

  it('continues only what has not changed, and repeats nothing that is known', async () => {
    const { file, path } = await store(alphabet);
    const ask = (headers: Record<string, string>) => send(service.url, path, { headers });
    expect((await ask({ Range: 'bytes=5-', 'If-Range': `"${file.sha256}"` })).text).toBe('fghij');
    expect((await ask({ Range: 'bytes=5-', 'If-Range': '"another"' })).text).toBe('abcdefghij');
    expect((await ask({ Range: 'bytes=5-', 'If-Range': `W/"${file.sha256}"` })).status).toBe(200);
    expect((await ask({ 'If-None-Match': `"x", W/"${file.sha256}"` })).status).toBe(304);
  });

  it.each<[string, string, string]>([
    [
      'a quote and line breaks',
      'a"\r\nX-Evil: 1\r\n.png',
      `attachment; filename="a_X-Evil: 1.png"; filename*=UTF-8''a%22X-Evil%3A%201.png`,
    ],
    ['another script', '写真.png', `attachment; filename="__.png"; filename*=UTF-8''%E5%86%99%E7%9C%9F.png`],
    [
      'a direction override',
      'cod\u202egnp.exe',
      `attachment; filename="codgnp.exe"; filename*=UTF-8''codgnp.exe`,
    ],
    [
      'a path',
      '../../etc/passwd',
      `attachment; filename=".._.._etc_passwd"; filename*=UTF-8''.._.._etc_passwd`,
    ],
    [
      'percent signs and marks',
      "100%41'(*).png",
      `attachment; filename="100_41'(*).png"; filename*=UTF-8''100%2541%27%28%2A%29.png`,
    ],
    ['control characters only', '\u0001\u0002', `attachment; filename="file"; filename*=UTF-8''file`],
  ])('offers a name with %s safely', async (_name, filename, disposition) => {
    const { path } = await store(alphabet, { filename });
    const answer = await send(service.url, path);
    expect(answer.status).toBe(200);
    expect(answer.headers['content-disposition']).toBe(disposition);
    expect(answer.headers).not.toHaveProperty('x-evil');
  });

  it('does not pass on a media type that is none', async () => {
    const { path } = await store(alphabet, { mime: 'text/html\r\nX-Evil: 1' });
    expect((await send(service.url, path)).headers['content-type']).toBe('application/octet-stream');
  });

  it('needs no name in its path, but bears no other one', async () => {
    const { path } = await store(alphabet);
    const bare = path.slice(0, path.lastIndexOf('/'));
    expect((await send(service.url, bare)).text).toBe('abcdefghij');
    expect((await send(service.url, `${bare}/invoice.exe`)).status).toBe(403);
    expect((await send(service.url, `${bare}/%E0%A4%A`)).status).toBe(403);
  });

  it.each<[string, (path: string) => string]>([
    ['a parameter', (path) => `${path}?download=1`],
    ['a trailing slash', (path) => `${path}/`],
    [
      'another last character of the signature',
      (path) => path.replace(/.(?=\/hero)/, (last) => (last === 'A' ? 'B' : 'A')),
    ],
    ['another payload', (path) => path.replace(/\.(.)/, (_all, first) => `.${first === 'A' ? 'B' : 'A'}`)],
    ['an encoded dot', (path) => path.replace('.', '%2e')],
  ])('is refused with %s', async (_name, alter) => {
    const { path } = await store(alphabet);
    for (const method of ['GET', 'HEAD']) {
      const answer = await send(service.url, alter(path), { method, headers: { Range: 'bytes=0-1' } });
      expect(answer.status).toBe(403);
    }
  });

  it('says when a link has expired, and when its file is gone', async () => {
    const expired = await store(alphabet, { expiresAt: new Date(Date.now() - 1000) });
    const late = await send(service.url, expired.path);
    expect([late.status, late.json()]).toMatchObject([410, { error: { code: 'EXPIRED' } }]);
    const { file, path } = await store(alphabet);
    await service.blobs.remove(file.blobId);
    const gone = await send(service.url, path);
    expect([gone.status, gone.json()]).toMatchObject([404, { error: { code: 'NOT_FOUND' } }]);
  });

  it('has no other methods', async () => {
    const { path } = await store(alphabet);
    const answer = await send(service.url, path, { method: 'DELETE' });
    expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, HEAD']);
  });

  it('lets go of the file when the reader leaves', async () => {
    const { file } = await store(Buffer.alloc(64 * 2 ** 20));
    const opened: Readable[] = [];
    const readFile: typeof service.operations.readFile = async (...args) => {
      const bytes = await service.operations.readFile(...args);
      opened.push(bytes);
      return bytes;
    };
    const other = await startService({ operations: { ...service.operations, readFile } });
    try {
      const socket = connect(other.port, '127.0.0.1');
      socket.write(`GET ${service.links.downloadPath(file)} HTTP/1.1\r\nHost: x\r\n\r\n`);
      await once(socket, 'readable');
      expect(opened.map((bytes) => bytes.destroyed)).toEqual([false]);
      socket.destroy();
      await expect.poll(() => opened.map((bytes) => bytes.destroyed)).toEqual([true]);
    } finally {
      await other.close();
    }
  });
});
