import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { createGraphql } from '../../schema/server.ts';
import { createLog } from '../../src/log.ts';
import { createService } from '../schema/service.ts';
import { type Service, startService } from './service.ts';

/** Far above what a probe takes on a busy machine, far below what it took when others went first. */
const PROMPT_MS = 2000;
const DEAR = '{ formats { targets { id name category mime } } }';
const DEAREST = `{ ${[0, 1, 2, 3, 4].map((i) => `a${i}: formats { targets { optionsSchema } }`).join(' ')} }`;

let service: Service;
let close = async () => {};
afterEach(() => close());

/** The whole server over collections in memory; counts what reaches an operation. */
async function start() {
  const { operations } = createService();
  const asked = vi.fn(operations.findJob);
  const log = createLog('silent');
  const graphql = createGraphql({
    operations: { ...operations, findJob: asked, watchJob: quiet },
    log,
    publicUrl: () => 'http://kiln.test',
    development: false,
  });
  service = await startService({ graphql });
  close = service.close;
  return { asked, port: Number(new URL(service.url).port) };
}

/** A job about which there is nothing to tell for as long as anybody listens. */
async function* quiet(
  _caller: unknown,
  _id: string,
  _after: number,
  signal?: AbortSignal,
): AsyncGenerator<never> {
  if (signal && !signal.aborted) await once(signal, 'abort');
  yield* [];
}

const post = (query: string) =>
  fetch(`${service.url}/graphql`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ query }),
  });

/** The longest that a probe waited, asked again and again while something else goes on. */
async function slowestProbe(until: Promise<unknown>): Promise<number> {
  let isOver = false;
  void until.finally(() => {
    isOver = true;
  });
  let slowest = 0;
  do {
    const began = performance.now();
    expect((await fetch(`${service.url}/health`)).status).toBe(200);
    slowest = Math.max(slowest, performance.now() - began);
    await sleep(5);
  } while (!isOver);
  return slowest;
}

describe('a probe is answered at once', () => {
  it.each([
    ['legal', DEAR, 200],
    ['too dear', DEAREST, 400],
  ])('while ten keyless requests are under way that are %s', async (_what, query, status) => {
    await start();
    const answers = Promise.all(Array.from({ length: 10 }, () => post(query)));
    expect(await slowestProbe(answers)).toBeLessThan(PROMPT_MS);
    expect((await answers).map((answer) => answer.status)).toEqual(Array(10).fill(status));
  });

  it('while 8,000 messages come over 20 keyless sockets', async () => {
    const { port } = await start();
    const sockets = await Promise.all(Array.from({ length: 20 }, () => openSocket(port)));
    let answered = 0;
    for (const socket of sockets) {
      socket.on('message', () => {
        answered += 1;
      });
      for (let id = 0; id < 400; id += 1)
        socket.send(JSON.stringify({ id: String(id), type: 'subscribe', payload: { query: DEAR } }));
    }
    expect(await slowestProbe(sleep(2000))).toBeLessThan(PROMPT_MS);
    expect(answered).toBeGreaterThan(0);
    for (const socket of sockets) socket.terminate();
  }, 60_000);

  it('while 8,000 requests come ahead of their answers, and nobody works for a client that has gone', async () => {
    const { asked, port } = await start();
    const body = JSON.stringify({ query: '{ job(id: "0192a1b2-0000-7000-8000-00000000dead") { id } }' });
    const request = `POST /graphql HTTP/1.1\r\nHost: kiln\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const client = connect(port, '127.0.0.1').on('error', () => {});
    client.resume();
    client.write(request.repeat(8000));
    const begun = vi.waitFor(() => expect(asked).toHaveBeenCalled(), 10_000);
    expect(await slowestProbe(begun)).toBeLessThan(PROMPT_MS);
    client.destroy();
    await vi.waitFor(async () => {
      const before = asked.mock.calls.length;
      await sleep(300);
      expect(asked.mock.calls.length).toBe(before);
    }, 10_000);
    expect(asked.mock.calls.length).toBeLessThan(8000);
    expect((await fetch(`${service.url}/health`)).status).toBe(200);
  }, 60_000);
});

describe('requests that come ahead of their answers', () => {
  it('are all answered, in their order', async () => {
    const { port } = await start();
    const client = connect(port, '127.0.0.1');
    let text = '';
    client.on('data', (chunk) => {
      text += chunk;
    });
    const bodies = Array.from({ length: 200 }, (_, n) => JSON.stringify({ query: `{ a${n}: me { kind } }` }));
    for (const [n, body] of bodies.entries())
      client.write(
        `POST /graphql HTTP/1.1\r\nHost: kiln\r\n${n === 199 ? 'Connection: close\r\n' : ''}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
    await once(client, 'end');
    const order = [...text.matchAll(/"data":\{"a(\d+)"/g)].map(([, n]) => Number(n));
    expect(order).toEqual(bodies.map((_, n) => n));
  });
});

it('a guest has a bounded number of operations over all sockets of an address', async () => {
  const { port } = await start();
  const codes: string[] = [];
  const sockets = await Promise.all(Array.from({ length: 5 }, () => openSocket(port)));
  const query = 'subscription { jobEvents(jobId: "0192a1b2-0000-7000-8000-00000000dead") { seq } }';
  for (const socket of sockets) {
    socket.on('message', (data) => {
      const { type, payload } = JSON.parse(String(data));
      if (type === 'error') codes.push(payload[0].extensions.code);
    });
    for (let id = 0; id < 90; id += 1)
      socket.send(JSON.stringify({ id: String(id), type: 'subscribe', payload: { query } }));
  }
  await vi.waitFor(() => expect(codes).toContain('LIMIT_EXCEEDED'), 10_000);
  for (const socket of sockets) socket.terminate();
});

async function openSocket(port: number): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/graphql`, 'graphql-transport-ws');
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'connection_init' }));
  await once(socket, 'message');
  return socket;
}
