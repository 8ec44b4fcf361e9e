import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { at, closeAll, drip, get, MEGABYTE, senderWith, serve, serveRaw } from './receivers.ts';

afterEach(closeAll);

describe('a source that means no good', () => {
  it('and is slow, at its head, in its body or by redirects, meets one deadline for all', async () => {
    let hops = 0;
    const slow = await serve((request, response) => {
      if (request.url === '/body') drip(response.writeHead(200), 'x');
      if (!request.url?.startsWith('/hop')) return;
      hops += 1;
      setTimeout(() => response.writeHead(302, { location: `/hop${hops}` }).end(), 200);
    });
    for (const path of ['/head', '/body', '/hop']) {
      const began = performance.now();
      expect(await get(at(slow, path), { timeoutMs: 500 })).toEqual({ reason: 'timeout' });
      const ms = Math.round(performance.now() - began);
      console.log(`${path}: given up after ${ms} ms of 500`);
      expect(ms).toBeLessThan(3000);
    }
  });

  it('and is endless is cut at the cap', async () => {
    const closed = Promise.withResolvers<void>();
    const port = await serve((_request, response) => {
      response.once('close', closed.resolve);
      const more = () => {
        while (response.write('x'.repeat(10_000)));
        response.once('drain', more);
      };
      more();
    });
    expect(await get(at(port))).toEqual({ reason: 'too_large' });
    await closed.promise;
  });

  it('and says itself that it is too large is not read at all', async () => {
    const port = await serve((_request, response) =>
      response.writeHead(200, { 'content-length': 2 * MEGABYTE }).write('x'),
    );
    expect(await get(at(port))).toEqual({ reason: 'too_large' });
  });

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('and unfolds from %s is cut at the cap; what is honest is read', async (coding, compress) => {
    const bomb = compress(Buffer.alloc(200 * MEGABYTE));
    const honest = compress(Buffer.from('honest'));
    const port = await serve(({ url }, response) => {
      response.writeHead(200, { 'content-encoding': coding }).end(url === '/bomb' ? bomb : honest);
    });
    const before = process.memoryUsage().rss;
    expect(await get(at(port, '/bomb'))).toEqual({ reason: 'too_large' });
    const grown = (process.memoryUsage().rss - before) / MEGABYTE;
    console.log(
      `${coding}: ${bomb.length} bytes for 200 MiB, cut at 1 MiB, process grown by ${grown.toFixed(1)} MiB`,
    );
    expect(grown).toBeLessThan(100);
    expect(await get(at(port))).toMatchObject({ received: { body: 'honest' } });
  });

  it.each([
    ['two codings', 'gzip, gzip', gzipSync(gzipSync('x'))],
    ['an unknown coding', 'lzma', Buffer.from('x')],
    ['a property of every object', 'constructor', Buffer.from('x')],
    ['no gzip', 'gzip', Buffer.from('not gzip at all')],
    ['half of a gzip', 'gzip', gzipSync(Buffer.from('x'.repeat(1000))).subarray(0, 20)],
    ['no brotli', 'br', Buffer.from('not brotli at all')],
  ])('and sends %s is given up', async (_what, coding, body) => {
    const port = await serve((_request, response) =>
      response.writeHead(200, { 'content-encoding': coding }).end(body),
    );
    expect(await get(at(port))).toEqual({ reason: 'protocol' });
  });

  it.each([
    ['less than its length', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort', 'reset'],
    ['a broken chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 'protocol'],
    [
      'an end before the last chunk',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
      'reset',
    ],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 'protocol'],
    ['endless headers', `HTTP/1.1 200 OK\r\n${'x-a: b\r\n'.repeat(10_000)}\r\n`, 'too_large'],
    ['no HTTP', 'SSH-2.0-OpenSSH_9\r\n', 'protocol'],
  ])('and sends %s is never taken for whole', async (_what, text, reason) => {
    const port = await serveRaw((socket) => void socket.end(text));
    expect(await get(at(port))).toEqual({ reason });
  });

  it('and sends more than its length gains nothing by it', async () => {
    const port = await serveRaw((socket) => {
      socket.end(
        'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil',
      );
    });
    const sender = senderWith();
    expect(await get(at(port), {}, sender)).toMatchObject({ received: { body: 'ok' } });
    expect(await get(at(port), {}, sender)).toMatchObject({ received: { body: 'ok' } });
  });
});
