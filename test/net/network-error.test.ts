import { readFile } from 'node:fs/promises';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createSocketServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { closeAll, drip, listen, post, senderWith, serve, serveRaw, withResolver } from './receivers.ts';

afterEach(closeAll);

describe('a request without an answer', () => {
  it('because of slow headers ends at the deadline', async () => {
    const port = await serveRaw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nx-slow: ');
      drip(socket, 'a');
    });
    const answer = await post(port, { timeoutMs: 150 });
    expect(answer).toMatchObject({ reason: 'timeout' });
    expect(answer.durationMs).toBeGreaterThanOrEqual(140);
  });

  it('because of a slow body ends at the deadline', async () => {
    const port = await serveRaw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      drip(socket, 'a');
    });
    await expect(post(port, { timeoutMs: 150 })).resolves.toMatchObject({ reason: 'timeout' });
  });

  it('because of silence, or of a name that never resolves, ends at the deadline', async () => {
    const port = await serveRaw(() => undefined);
    await expect(post(port, { timeoutMs: 100 })).resolves.toMatchObject({ reason: 'timeout' });
    const hanging = senderWith({ resolver: () => undefined });
    const url = 'http://silent.example/';
    await expect(post(port, { url, timeoutMs: 100 }, hanging)).resolves.toMatchObject({
      reason: 'timeout',
    });
  });

  it('because of a reset before or within the answer says so', async () => {
    const before = await serveRaw((socket) => socket.resetAndDestroy());
    await expect(post(before)).resolves.toMatchObject({ reason: 'reset' });
    for (const framing of [
      'content-length: 100\r\n\r\nonly this',
      'transfer-encoding: chunked\r\n\r\n4\r\nonly\r\n',
    ]) {
      const within = await serveRaw((socket) => {
        socket.write(`HTTP/1.1 200 OK\r\n${framing}`, () => socket.destroy());
      });
      await expect(post(within)).resolves.toMatchObject({ reason: 'reset' });
    }
  });

  it('because of a closed port, an unknown name, no HTTP, or endless headers says so', async () => {
    const gone = createSocketServer();
    const closedPort = await listen(gone);
    await new Promise((resolve) => gone.close(resolve));
    await expect(post(closedPort)).resolves.toMatchObject({ reason: 'refused' });
    const twice = withResolver(() => ['127.0.0.1', '127.0.0.2']);
    const url = `http://two.example:${closedPort}/`;
    await expect(post(closedPort, { url }, twice)).resolves.toMatchObject({ reason: 'refused' });

    const unknown = senderWith({
      resolver: (_hostname, _options, callback) =>
        callback(Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' }), []),
    });
    await expect(post(1, { url: 'http://gone.example/' }, unknown)).resolves.toMatchObject({
      reason: 'dns',
    });

    const chatter = await serveRaw((socket) => socket.end('SSH-2.0-nothing to see\r\n'));
    await expect(post(chatter)).resolves.toMatchObject({ reason: 'protocol' });

    const verbose = await serveRaw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      for (let i = 0; i < 1000; i += 1) socket.write(`x-header-${i}: ${'v'.repeat(100)}\r\n`);
    });
    await expect(post(verbose)).resolves.toMatchObject({ reason: 'too_large' });
  });

  it('because of a certificate that nobody vouches for, or by no TLS at all, says so', async () => {
    const pem = await readFile(new URL('self-signed.pem', import.meta.url));
    let visits = 0;
    const port = await listen(
      createTlsServer({ key: pem, cert: pem }, (_request, response) => {
        visits += 1;
        response.end();
      }),
    );
    await expect(post(port, { url: `https://127.0.0.1:${port}/` })).resolves.toMatchObject({
      reason: 'tls',
    });
    expect(visits).toBe(0);
    const plain = await serve((_request, response) => response.end());
    await expect(post(plain, { url: `https://127.0.0.1:${plain}/` })).resolves.toMatchObject({
      reason: 'tls',
    });
  });

  it('is not tried again', async () => {
    let visits = 0;
    const port = await serveRaw((socket) => {
      visits += 1;
      socket.resetAndDestroy();
    });
    await post(port);
    expect(visits).toBe(1);
  });
});
