import { readFile } from 'node:fs/promises';
import { createServer as createTlsServer } from 'node:https';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { createJsonFetcher } from '../../src/net/json.ts';
import { at, closeAll, get, listen, senderWith, serve, withResolver } from './receivers.ts';

afterEach(closeAll);

/** A server that redirects from path to path, and remembers what it was asked. */
async function redirecting(targets: Record<string, string>) {
  const asked: { path: string; headers: Record<string, unknown> }[] = [];
  const port = await serve((request, response) => {
    const path = request.url ?? '';
    asked.push({ path, headers: request.headers });
    const location = targets[path];
    if (location === undefined) response.end(`found at ${path}`);
    else response.writeHead(302, { location }).end('moved');
  });
  return { port, asked };
}

describe('a GET', () => {
  it('brings status, headers and body, whatever the status is', async () => {
    const port = await serve((request, response) => {
      response.writeHead(404, { 'x-a': 'b' }).end(`${request.method} ${request.headers['accept-encoding']}`);
    });
    expect(await get(at(port, '/x'))).toMatchObject({
      received: { status: 404, headers: { 'x-a': 'b' }, url: at(port, '/x'), body: 'GET identity' },
    });
  });

  it('hands on what its receiver throws, and ends the connection', async () => {
    const closed = Promise.withResolvers<void>();
    const port = await serve((_request, response) => {
      response.once('close', closed.resolve).write('x'.repeat(100));
    });
    const thrown = new Error('no room');
    const broken = senderWith().get({ url: at(port), timeoutMs: 5000, maxBytes: 1000 }, async ({ body }) => {
      for await (const _chunk of body) throw thrown;
    });
    await expect(broken).rejects.toBe(thrown);
    await closed.promise;
  });

  it('is cancelled before, on the way and while its body is read', async () => {
    const port = await serve((request, response) => {
      if (request.url === '/slow') response.write('a');
    });
    const cancelled = { code: 'CANCELLED', message: 'The request was cancelled.' };
    await expect(get(at(port), { signal: AbortSignal.abort() })).rejects.toMatchObject(cancelled);
    for (const path of ['/', '/slow']) {
      const signal = AbortSignal.timeout(50);
      await expect(get(at(port, path), { signal })).rejects.toMatchObject(cancelled);
    }
  });
});

describe('a redirect', () => {
  it('is followed five times, relative or not, and no sixth time', async () => {
    const chain = Object.fromEntries(
      Array.from({ length: 6 }, (_, i) => [`/${i}`, i % 2 ? `./${i + 1}` : `/${i + 1}`]),
    );
    const { port, asked } = await redirecting(chain);
    expect(await get(at(port, '/1'))).toMatchObject({
      received: { body: 'found at /6', url: at(port, '/6') },
    });
    expect(asked).toHaveLength(6);
    expect(await get(at(port, '/0'))).toEqual({ reason: 'redirect' });
    expect(asked).toHaveLength(12);
  });

  it('in a circle comes to an end', async () => {
    const { port, asked } = await redirecting({ '/a': '/b', '/b': '/a', '/self': '/self' });
    expect(await get(at(port, '/a'))).toEqual({ reason: 'redirect' });
    expect(await get(at(port, '/self'))).toEqual({ reason: 'redirect' });
    expect(asked).toHaveLength(12);
  });

  it.each([301, 302, 303, 307, 308])(
    'by %i stays a GET; one that says not where to is an answer',
    async (status) => {
      const port = await serve(({ url, method }, response) => {
        if (url === '/end') response.end(method);
        else response.writeHead(status, url === '/to' ? { location: '/end' } : {}).end('nowhere');
      });
      expect(await get(at(port, '/to'))).toMatchObject({ received: { body: 'GET' } });
      expect(await get(at(port, '/nowhere'))).toMatchObject({ received: { status, body: 'nowhere' } });
    },
  );

  it('tells another origin nothing, not even on the way back', async () => {
    const elsewhere = await redirecting({});
    const first = await redirecting({ '/same': '/here', '/other': at(elsewhere.port, '/x') });
    const back = await redirecting({ '/bounce': at(first.port, '/here') });
    const through = await redirecting({ '/start': at(back.port, '/bounce') });
    const headers = {
      authorization: 'Bearer s3cret',
      cookie: 'a=s3cret',
      'x-api-key': 's3cret',
      accept: 'image/*',
    };
    await get(at(first.port, '/same'), { headers });
    expect(first.asked.at(-1)?.headers).toMatchObject(headers);
    await get(at(first.port, '/other'), { headers });
    await get(at(through.port, '/start'), { headers });
    for (const { headers: sent } of [...elsewhere.asked, ...back.asked, ...first.asked.slice(-1)]) {
      expect(sent).toMatchObject({ accept: 'image/*' });
      expect(JSON.stringify(sent)).not.toContain('s3cret');
    }
    expect(first.asked.at(-1)?.path).toBe('/here');
  });

  it('from https to http is refused, to https it is not', async () => {
    const pem = await readFile(new URL('self-signed.pem', import.meta.url), 'utf8');
    // Only this process believes it, and only for this test.
    const usual = getCACertificates('default');
    setDefaultCACertificates([pem]);
    onTestFinished(() => setDefaultCACertificates(usual));
    const plain = await redirecting({});
    const secure = createTlsServer({ key: pem, cert: pem }, (request, response) => {
      if (request.url === '/down') response.writeHead(302, { location: at(plain.port, '/x') }).end();
      else response.end('secure');
    });
    const port = await listen(secure);
    const sender = senderWith();
    expect(await get(`https://127.0.0.1:${port}/down`, {}, sender)).toEqual({ reason: 'redirect' });
    expect(plain.asked).toEqual([]);
    const up = await redirecting({ '/': `https://127.0.0.1:${port}/` });
    expect(await get(at(up.port), {}, sender)).toMatchObject({ received: { body: 'secure' } });
  });
});

describe('a connection that is kept', () => {
  it('serves its own name only: another one is resolved and checked for itself', async () => {
    const sockets = new Set<number | undefined>();
    const port = await serve((request, response) => {
      sockets.add(request.socket.remotePort);
      response.end(request.headers.host);
    });
    const meanings: Record<string, string[]> = {
      'good.example': ['127.0.0.1'],
      'evil.example': ['10.0.0.1'],
    };
    const asked: string[] = [];
    const sender = senderWith({
      resolver: (name, _options, callback) => {
        asked.push(name);
        callback(
          null,
          (meanings[name] ?? []).map((address) => ({ address, family: 4 })),
        );
      },
    });
    for (let i = 0; i < 3; i += 1)
      expect(await get(`http://good.example:${port}/`, {}, sender)).toHaveProperty('received');
    expect(await get(`http://evil.example:${port}/`, {}, sender)).toEqual({ reason: 'blocked' });
    expect(
      await get(`http://good.example:${port}/`, { headers: { host: 'evil.example' } }, sender),
    ).toHaveProperty('received');
    expect(asked).toEqual(['good.example', 'evil.example']);
    expect(sockets.size).toBe(1);
  });

  it('stays at the address that was checked, whatever the name means by now', async () => {
    const port = await serve((_request, response) => response.end('checked'));
    const answers = [['127.0.0.1'], ['10.0.0.1']];
    const sender = withResolver(() => answers.shift() ?? []);
    for (let i = 0; i < 2; i += 1)
      expect(await get(`http://rebind.example:${port}/`, {}, sender)).toMatchObject({
        received: { body: 'checked' },
      });
    expect(answers).toEqual([['10.0.0.1']]);
  });
});

describe('a small JSON document', () => {
  it('is read, or the reason why not goes to the log only', async () => {
    const port = await serve(({ url }, response) => {
      if (url === '/good') response.end('{"keys": []}');
      else if (url === '/moved') response.writeHead(302, { location: '/good' }).end();
      else if (url === '/html') response.end('<html>');
      else if (url === '/large') response.end(JSON.stringify('x'.repeat(300_000)));
      else response.writeHead(500).end('{}');
    });
    const fetchJson = createJsonFetcher(senderWith());
    expect(await fetchJson(at(port, '/good'))).toEqual({ keys: [] });
    expect(await fetchJson(at(port, '/moved'))).toEqual({ keys: [] });
    for (const [path, detail] of [
      ['/html', 'not JSON'],
      ['/large', 'no answer: too_large'],
      ['/error', 'status 500'],
    ] as const)
      await expect(fetchJson(at(port, path))).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        message: 'A server that Kiln depends on does not answer.',
        cause: { message: detail },
      });
  });
});
