import { afterEach, describe, expect, it } from 'vitest';
import { closeAll, post, senderWith, serve, serveRaw, withResolver } from './receivers.ts';

afterEach(closeAll);

describe('an answer', () => {
  it('comes back with status, headers and body; the request arrives as it was given', async () => {
    const body = Buffer.from([0x7b, 0xff, 0x00, 0x7d]);
    const port = await serve(async (request, response) => {
      const received = Buffer.concat(await request.toArray());
      response.writeHead(202, { 'x-answer': 'yes', 'set-cookie': ['a=1', 'b=2'] });
      response.end(
        JSON.stringify({ headers: request.headers, method: request.method, body: received.toString('hex') }),
      );
    });
    const answer = await post(port, { body, headers: { 'content-type': 'application/json' } });
    if (!('status' in answer)) throw new Error(answer.reason);
    expect(answer).toMatchObject({ status: 202, headers: { 'x-answer': 'yes', 'set-cookie': 'a=1,b=2' } });
    expect(answer.durationMs).toBeGreaterThanOrEqual(0);
    const seen = JSON.parse(answer.body);
    expect(seen).toMatchObject({ method: 'POST', body: body.toString('hex') });
    expect(seen.headers).toMatchObject({
      'user-agent': 'Kiln/1.2.3',
      'accept-encoding': 'identity',
      'content-type': 'application/json',
      'content-length': '4',
      host: `127.0.0.1:${port}`,
    });
  });

  it.each([204, 301, 404, 410, 429, 500, 503])('%i is an answer, not an error', async (status) => {
    const port = await serve((_request, response) =>
      response.writeHead(status, { 'retry-after': '7' }).end(),
    );
    await expect(post(port)).resolves.toMatchObject({ status, headers: { 'retry-after': '7' }, body: '' });
  });

  it('that redirects is not followed', async () => {
    const visits: string[] = [];
    const port = await serve((request, response) => {
      visits.push(request.url ?? '');
      response.writeHead(301, { location: '/secret' }).end();
    });
    await expect(post(port)).resolves.toMatchObject({ status: 301, headers: { location: '/secret' } });
    expect(visits).toEqual(['/hook']);
  });

  it('without end is read up to the cap, then the connection is closed', async () => {
    let closed: () => void = () => undefined;
    const connectionClosed = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const port = await serve((_request, response) => {
      response.once('close', closed);
      const more = () => {
        while (response.write('x'.repeat(10_000)));
        response.once('drain', more);
      };
      more();
    });
    const answer = await post(port, { timeoutMs: 10_000 });
    expect(answer).toMatchObject({ status: 200, body: 'x'.repeat(64 * 1024) });
    await connectionClosed;
  });

  it('is cut where the caller says, and read whole when it is as long as that', async () => {
    const port = await serve((_request, response) => response.end('0123456789'));
    await expect(post(port, { maxResponseBytes: 4 })).resolves.toMatchObject({ body: '0123' });
    await expect(post(port, { maxResponseBytes: 10 })).resolves.toMatchObject({ body: '0123456789' });
  });

  it('that says it is compressed is kept as it came', async () => {
    const port = await serve((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end('not gzip at all');
    });
    await expect(post(port)).resolves.toMatchObject({ status: 200, body: 'not gzip at all' });
  });
});

describe('a connection', () => {
  it('is used again for the next request', async () => {
    const ports = new Set<number | undefined>();
    const port = await serve((request, response) => {
      ports.add(request.socket.remotePort);
      response.end('ok');
    });
    const sender = senderWith();
    for (let i = 0; i < 3; i += 1) await post(port, {}, sender);
    expect(ports.size).toBe(1);
  });

  it('goes to the checked address although the name means another one by then', async () => {
    const port = await serve((_request, response) => response.end('public'));
    const answers = [['127.0.0.1'], ['10.0.0.1']];
    const sender = withResolver(() => answers.shift() ?? []);
    const url = `http://rebind.example:${port}/`;
    await expect(post(port, { url }, sender)).resolves.toMatchObject({ status: 200, body: 'public' });
    expect(answers).toEqual([['10.0.0.1']]);
  });

  it('is not made when one address of the name is forbidden', async () => {
    let visits = 0;
    const port = await serve((_request, response) => {
      visits += 1;
      response.end();
    });
    const sender = withResolver(() => ['127.0.0.1', '169.254.169.254']);
    const answer = await post(port, { url: `http://mixed.example:${port}/` }, sender);
    expect(answer).toEqual({ reason: 'blocked', durationMs: expect.any(Number) });
    expect(visits).toBe(0);
  });

  it('is not made to a private address or to a refused port', async () => {
    let visits = 0;
    const port = await serve((_request, response) => {
      visits += 1;
      response.end();
    });
    const closed = senderWith({ allowedNetworks: [] });
    for (const host of ['127.0.0.1', '2130706433', '[::ffff:7f00:1]', 'localhost']) {
      await expect(post(port, { url: `http://${host}:${port}/` }, closed)).resolves.toMatchObject({
        reason: 'blocked',
      });
    }
    const refusing = senderWith({ refusedPorts: () => [port] });
    await expect(post(port, {}, refusing)).resolves.toMatchObject({ reason: 'blocked' });
    expect(visits).toBe(0);
  });
});

describe('the caller', () => {
  it('may cancel, before and during the request', async () => {
    const port = await serveRaw(() => undefined);
    await expect(post(port, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CANCELLED' });
    const controller = new AbortController();
    const running = post(port, { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await expect(running).rejects.toMatchObject({ code: 'CANCELLED', message: 'The request was cancelled.' });
  });

  it('gets an error for an invalid URL or header, with nothing of the request in the error', async () => {
    await expect(post(1, { url: 'file:///etc/passwd' })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    const broken = post(1, { headers: { 'x-event': 'a\r\nx-evil: 1' }, body: 'the secret body' });
    const error = await broken.catch((caught: Error) => caught);
    expect(error).toMatchObject({ code: 'INTERNAL', message: 'The request could not be sent.' });
    expect(JSON.stringify((error as Error).cause)).not.toContain('secret');
  });
});
