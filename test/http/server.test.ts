import { once } from 'node:events';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { KilnError } from '../../src/domain/errors.ts';
import { type Service, send, startService } from './service.ts';

let service: Service;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

describe('every path', () => {
  it.each(['/health', '/health/', '//health', '//health//'])('%s answers alike', async (path) => {
    const answer = await send(service.url, path);
    expect([answer.status, answer.json(), answer.headers['content-type']]).toEqual([
      200,
      { status: 'ok' },
      'application/json',
    ]);
  });

  it.each(['/nothing', '/nothing/', '/healthy', '/_kiln/', '/%00', '/../etc/passwd', '/jobs'])(
    '%s is an honest 404',
    async (path) => {
      const answer = await send(service.url, path);
      expect([answer.status, answer.headers['content-type']]).toEqual([404, 'application/json']);
      expect(answer.json()).toEqual({
        error: { code: 'NOT_FOUND', message: 'There is nothing at this address.' },
      });
    },
  );

  it('carries the headers that keep browsers from guessing', async () => {
    for (const path of ['/health', '/nothing', '/']) {
      expect((await send(service.url, path)).headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'x-frame-options': 'DENY',
        'content-security-policy': expect.stringContaining("default-src 'none'"),
      });
    }
  });

  it('bounds a body that is no upload', async () => {
    const announced = await send(service.url, '/uploads/prepare', {
      method: 'POST',
      body: 'a'.repeat(2 ** 20 + 1),
    });
    expect([announced.status, announced.json()]).toMatchObject([413, { error: { code: 'TOO_LARGE' } }]);
    const body = Readable.from(['a'.repeat(2 ** 20), 'a']);
    const chunked = await send(service.url, '/uploads/prepare', { method: 'POST', body });
    expect(chunked.status).toBe(413);
  });
});

describe('the operator', () => {
  it('sees a page that says what this is', async () => {
    const answer = await send(service.url, '/');
    expect(answer.headers['content-type']).toMatch(/^text\/html/);
    expect(answer.text).toContain('<a href="/graphql">');
  });

  it('learns what is not ready, and no address of it', async () => {
    const checkReady = vi.fn<() => Promise<void>>();
    const other = await startService({ checkReady });
    try {
      checkReady.mockResolvedValueOnce();
      expect((await send(other.url, '/ready')).json()).toEqual({ status: 'ready' });
      checkReady.mockRejectedValueOnce(new KilnError('UNAVAILABLE', 'Temporal does not answer.'));
      const temporal = await send(other.url, '/ready');
      expect([temporal.status, temporal.json()]).toEqual([
        503,
        { status: 'unavailable', missing: 'Temporal does not answer.' },
      ]);
      const driverError = Object.assign(new Error('connect 10.1.2.3:27017'), { name: 'MongoNetworkError' });
      checkReady.mockRejectedValueOnce(driverError);
      expect((await send(other.url, '/ready')).json()).toEqual({
        status: 'unavailable',
        missing: 'MongoNetworkError',
      });
    } finally {
      await other.close();
    }
  });

  it('reads numbers by route, never by path', async () => {
    await send(service.url, '/jobs/secret-id');
    await send(service.url, '/secret-path');
    await send(service.url, '/_kiln/uploads/secret-token', { method: 'PUT' });
    const { text, headers } = await send(service.url, '/metrics');
    expect(headers['content-type']).toMatch(/^text\/plain/);
    expect(text).toContain('kiln_http_requests_total{method="GET",route="/jobs/:jobId",status="401"} 1');
    expect(text).toContain(
      'kiln_http_requests_total{method="PUT",route="/_kiln/uploads/:token",status="403"} 1',
    );
    expect(text).toMatch(/kiln_http_requests_total\{method="GET",route="unmatched",status="404"\} \d/);
    expect(text).toContain('kiln_http_request_duration_seconds_bucket');
    expect(text).toContain('process_resident_memory_bytes');
    expect(text).not.toContain('secret');
  });

  it('finds the reason of a surprise by the number that the caller got', async () => {
    const error = vi.fn();
    const authenticate = async () => {
      throw new Error('the password is hunter2');
    };
    const other = await startService({
      log: { error, warn: vi.fn() },
      operations: { ...service.operations, authenticate },
    });
    try {
      const answer = await send(other.url, '/jobs/x', { headers: { 'X-API-Key': 'k' } });
      expect(answer.status).toBe(500);
      expect(answer.text).not.toContain('hunter2');
      const { error: body } = answer.json<{ error: { code: string; correlationId: string } }>();
      expect(body.code).toBe('INTERNAL');
      expect(error).toHaveBeenCalledWith(
        expect.objectContaining({ correlationId: body.correlationId, err: expect.any(Error) }),
        expect.any(String),
      );
    } finally {
      await other.close();
    }
  });

  it('is told to come back when the database is away', async () => {
    const authenticate = async () => {
      throw new KilnError('UNAVAILABLE', 'The database does not answer at the moment.', {
        cause: new Error('10.1.2.3'),
      });
    };
    const other = await startService({ operations: { ...service.operations, authenticate } });
    try {
      const answer = await send(other.url, '/jobs/x', { headers: { 'X-API-Key': 'k' } });
      expect([answer.status, answer.headers['retry-after']]).toEqual([503, '5']);
      expect(answer.text).not.toContain('10.1.2.3');
    } finally {
      await other.close();
    }
  });
});

describe('GraphQL', () => {
  it('gets the request as it came, with and without a slash', async () => {
    const handle = vi.fn(
      async (request: Request) => new Response(`${request.method} ${await request.text()}`),
    );
    const attachWebSocket = vi.fn();
    const other = await startService({ graphql: { handle, attachWebSocket } });
    try {
      expect(attachWebSocket).toHaveBeenCalledOnce();
      expect((await send(other.url, '/graphql/', { method: 'POST', body: '{"query":"{me}"}' })).text).toBe(
        'POST {"query":"{me}"}',
      );
      expect((await send(other.url, '/graphql', { method: 'OPTIONS' })).text).toBe('OPTIONS ');
      expect((await send(other.url, '/graphql', { method: 'DELETE' })).status).toBe(404);
    } finally {
      await other.close();
    }
  });
});

describe('closing', () => {
  it('finishes what runs, and does not wait for silent connections', async () => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const other = await startService({
      graphql: { handle: () => released.then(() => new Response('finished')), attachWebSocket: () => {} },
    });
    const silent = connect(other.port, '127.0.0.1');
    await once(silent, 'connect');
    const running = fetch(`${other.url}/graphql`);
    await sleep(50);
    const closed = other.http.close(60_000);
    await expect
      .poll(() =>
        fetch(`${other.url}/health`).then(
          () => 'open',
          () => 'shut',
        ),
      )
      .toBe('shut');
    release();
    expect(await (await running).text()).toBe('finished');
    await closed;
    await other.close();
  });

  it('cuts what does not finish in time', async () => {
    const other = await startService({
      graphql: { handle: () => new Promise(() => {}), attachWebSocket: () => {} },
    });
    const running = fetch(`${other.url}/graphql`).then(
      () => 'answered',
      () => 'cut',
    );
    await sleep(50);
    await other.http.close(10);
    expect(await running).toBe('cut');
    await other.close();
  });
});
