import { once } from 'node:events';
import type { Server } from 'node:http';
import { promisify } from 'node:util';
import { createClient } from 'graphql-ws';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { MAX_MESSAGE_BYTES, MAX_OPERATIONS } from '../../../schema/websocket.ts';
import { createApi, type ServedApi, serveApi } from '../client.ts';
import { ALICE, BOB, createService, type Service } from '../service.ts';

const EVENTS = `subscription ($jobId: ID!, $after: Int! = 0) {
  jobEvents(jobId: $jobId, after: $after) {
    kind seq status message truncated progress { percent stage } job { status }
  }
}`;

/** Less than the rounds in which a watcher looks by itself and a socket is pinged. */
const SOON_MS = 8000;

let service: Service;
let api: ReturnType<typeof createApi>;
let served: ServedApi;
let server: Server;
let jobId: string;
let url: string;
const open = new Set<WebSocket>();

beforeEach(async () => {
  service = createService();
  api = createApi(service.operations);
  served = await serveApi(api);
  ({ server, url } = served);
  const { data } = await api.ask(
    `mutation ($input: CreateJobInput!) { createJob(input: $input) { ... on CreateJobSuccess { job { jobId } } } }`,
    { input: { upload: { filename: 'a.png', mime: 'image/png', size: 1 }, target: 'webp' } },
  );
  jobId = data.createJob.job.jobId;
});

afterEach(async () => {
  for (const socket of open) socket.terminate();
  open.clear();
  await served.close();
});

/** A client that leaves its sockets to the test for cleaning up. */
function client(connectionParams: Record<string, unknown> = { apiKey: ALICE }) {
  return createClient({
    url: served.socketUrl,
    connectionParams,
    retryAttempts: 0,
    lazyCloseTimeout: 0,
    webSocketImpl: class extends WebSocket {
      constructor(address: string, protocols: string) {
        super(address, protocols);
        open.add(this);
      }
    },
  });
}

async function all(events: AsyncIterable<unknown>): Promise<unknown[]> {
  const received: unknown[] = [];
  for await (const event of events) received.push(event);
  return received;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** From the upload to the end, in steps that a watcher sees one by one. */
async function playJob(): Promise<void> {
  await until(() => service.watchers(jobId) > 0);
  service.move(jobId, 'queued');
  service.move(jobId, 'processing');
  await new Promise((resolve) => setTimeout(resolve, 50));
  service.progress(jobId, 40);
  await new Promise((resolve) => setTimeout(resolve, 50));
  service.move(jobId, 'ready');
}

const WHOLE_STORY = [
  { kind: 'STATUS', seq: 1, status: 'AWAITING_UPLOAD', truncated: false },
  { kind: 'STATUS', seq: 2, status: 'QUEUED' },
  { kind: 'STATUS', seq: 3, status: 'PROCESSING' },
  { kind: 'PROGRESS', seq: null, status: 'PROCESSING', progress: { percent: 40, stage: 'encoding' } },
  { kind: 'STATUS', seq: 4, status: 'READY', job: { status: 'READY' } },
];

describe('jobEvents over graphql-ws', () => {
  const watch = (variables: object, as = client()) =>
    as.iterate({ query: EVENTS, variables: { jobId, ...variables } });

  it('replays, goes live and completes when the job has ended', async () => {
    const story = all(watch({}));
    await playJob();
    expect(await story).toMatchObject(WHOLE_STORY.map((jobEvents) => ({ data: { jobEvents } })));
    expect(service.watchers(jobId)).toBe(0);
  });

  it('fills the gap after a broken connection, once', async () => {
    service.move(jobId, 'queued');
    service.move(jobId, 'cancelled');
    expect(await all(watch({ after: 1 }))).toMatchObject([
      { data: { jobEvents: { seq: 2, status: 'QUEUED' } } },
      { data: { jobEvents: { seq: 3, status: 'CANCELLED' } } },
    ]);
  });

  it('sends a snapshot where events are no longer kept', async () => {
    service.move(jobId, 'queued');
    service.move(jobId, 'processing');
    service.move(jobId, 'failed');
    service.forgetEvents(jobId, 1);
    expect(await all(watch({}))).toMatchObject([
      { data: { jobEvents: { kind: 'SNAPSHOT', seq: null, truncated: true, job: { status: 'FAILED' } } } },
      { data: { jobEvents: { kind: 'STATUS', seq: 4, status: 'FAILED' } } },
    ]);
  });

  it('stops watching at once when the client unsubscribes or goes away', { timeout: SOON_MS }, async () => {
    const first = watch({});
    await first.next();
    await until(() => service.watchers(jobId) === 1);
    await first.return?.();
    await until(() => service.watchers(jobId) === 0);

    const second = watch({});
    await second.next();
    await until(() => service.watchers(jobId) === 1);
    for (const socket of open) socket.terminate();
    await until(() => service.watchers(jobId) === 0);
    await expect(second.next()).rejects.toBeDefined();
  });

  it('shows nothing of a foreign job, and says so with a code', async () => {
    const answer = await all(watch({}, client({ apiKey: BOB }))).catch((errors: unknown) => errors);
    expect(JSON.stringify(answer)).toContain('"code":"NOT_FOUND"');
    expect(JSON.stringify(answer)).not.toContain('AWAITING_UPLOAD');
    expect(service.watchers(jobId)).toBe(0);
  });

  it('refuses a negative place and what costs too much', async () => {
    const refused = (query: string) =>
      all(client().iterate({ query, variables: { jobId } })).catch((errors: unknown) => errors);
    expect(JSON.stringify(await refused(EVENTS.replace('= 0', '= -1')))).toContain('INVALID_INPUT');
    const costly =
      'subscription ($jobId: ID!) { jobEvents(jobId: $jobId) { job { events { job { events { job { events { seq } } } } } } } }';
    const answer = JSON.stringify(await refused(costly));
    expect(answer).toContain('LIMIT_EXCEEDED');
    expect(answer).not.toContain('"http"');
  });

  it('hides what nobody expected', async () => {
    async function* broken(): AsyncGenerator<never> {
      yield await Promise.reject(new Error('secret of the house'));
    }
    const failing = createApi({ ...service.operations, watchJob: broken });
    server.removeAllListeners('upgrade');
    failing.attachWebSocket(server);
    const answer = await all(watch({})).catch((errors: unknown) => errors);
    expect(JSON.stringify(answer)).toContain('Something went wrong on our side.');
    expect(JSON.stringify(answer)).not.toContain('secret');
    expect(failing.log()).toContain('secret of the house');
  });
});

describe('jobEvents over server-sent events', () => {
  const watch = (headers: Record<string, string>, signal?: AbortSignal) =>
    fetch(served.graphqlUrl, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'text/event-stream', ...headers },
      body: JSON.stringify({ query: EVENTS, variables: { jobId } }),
      ...(signal && { signal }),
    });

  it('tells the same story', async () => {
    const response = await watch({ 'X-API-Key': ALICE });
    expect(response.headers.get('Content-Type')).toContain('text/event-stream');
    const [text] = await Promise.all([response.text(), playJob()]);
    const events = [...text.matchAll(/^event: next\ndata: (.*)$/gm)].map(([, json = '']) => JSON.parse(json));
    expect(events).toMatchObject(WHOLE_STORY.map((jobEvents) => ({ data: { jobEvents } })));
    expect(text).toContain('event: complete');
  });

  it('stops watching at once when the client hangs up', { timeout: SOON_MS }, async () => {
    const stop = new AbortController();
    const response = await watch({ 'X-API-Key': ALICE }, stop.signal);
    await response.body?.getReader().read();
    await until(() => service.watchers(jobId) === 1);
    stop.abort();
    await until(() => service.watchers(jobId) === 0);
  });

  it('refuses a wrong key', async () => {
    expect(await (await watch({ 'X-API-Key': 'wrong' })).text()).toContain('UNAUTHENTICATED');
  });
});

describe('a socket', () => {
  const raw = (headers: Record<string, string> = {}, path = '/graphql') => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}${path}`, 'graphql-transport-ws', { headers });
    open.add(socket);
    return socket;
  };
  const send = (socket: WebSocket, message: object) => socket.send(JSON.stringify(message));
  const me = { query: '{ me { kind accountId } }' };

  it.each([
    ['a key in the first message', { apiKey: ALICE }, {}],
    ['a bearer in the first message', { authorization: `Bearer ${ALICE}` }, {}],
    ['a key in a header', {}, { 'X-API-Key': ALICE }],
    ['a bearer in a header', {}, { Authorization: `Bearer ${ALICE}` }],
  ])('knows its caller by %s', async (_what, payload, headers) => {
    const socket = raw(headers);
    await once(socket, 'open');
    send(socket, { type: 'connection_init', payload });
    await once(socket, 'message');
    send(socket, { id: '1', type: 'subscribe', payload: me });
    const [answer] = await once(socket, 'message');
    expect(JSON.parse(String(answer)).payload.data.me).toEqual({ kind: 'ACCOUNT', accountId: ALICE });
  });

  it('knows a guest by the token, and nobody by nothing', async () => {
    const kind = async (params: Record<string, unknown>) => {
      const [answer] = await all(client(params).iterate(me));
      return (answer as { data: { me: { kind: string } } }).data.me.kind;
    };
    expect(await kind({ authorization: `Bearer ${service.links.guestToken('guest')}` })).toBe('GUEST');
    expect(await kind({})).toBe('ANONYMOUS');
  });

  it.each([{ apiKey: 'wrong' }, { apiKey: { $ne: null } }, { authorization: 'Bearer wrong' }])(
    'is closed with 4403 for %j',
    async (payload) => {
      const socket = raw();
      await once(socket, 'open');
      send(socket, { type: 'connection_init', payload });
      const [code, reason] = await once(socket, 'close');
      expect([code, String(reason)]).toEqual([4403, 'The API key is not valid.']);
    },
  );

  it('is closed when it asks before it has said who it is', async () => {
    const socket = raw();
    await once(socket, 'open');
    send(socket, { id: '1', type: 'subscribe', payload: me });
    expect((await once(socket, 'close'))[0]).toBe(4401);
  });

  it('carries so many operations at a time and no more', async () => {
    const watching = client();
    const stories = Array.from({ length: MAX_OPERATIONS }, () =>
      watching.iterate({ query: EVENTS, variables: { jobId } }),
    );
    await Promise.all(stories.map((story) => story.next()));
    const refused = await all(watching.iterate({ query: EVENTS, variables: { jobId } })).catch(
      (errors: unknown) => errors,
    );
    expect(JSON.stringify(refused)).toContain('LIMIT_EXCEEDED');
    expect(service.watchers(jobId)).toBe(MAX_OPERATIONS);
  });

  it('is closed for a frame beyond the limit, and for another path there is none', async () => {
    const socket = raw();
    await once(socket, 'open');
    socket.send('x'.repeat(MAX_MESSAGE_BYTES + 1));
    expect((await once(socket, 'close'))[0]).toBe(1009);
    const elsewhere = raw({}, '/elsewhere');
    const [error] = await once(elsewhere, 'error');
    expect(String(error)).toContain('404');
  });

  it('obeys the same limits as HTTP and gives the same codes', async () => {
    const refused = async (query: string) =>
      JSON.stringify(await all(client().iterate({ query })).catch((errors: unknown) => errors));
    expect(await refused('{ jobs(first: 99999999) { edges { node { id } } } }')).toContain('LIMIT_EXCEEDED');
    expect(await refused(`{ formats ${'{ targets '.repeat(50)} { id } ${'}'.repeat(50)} }`)).toContain(
      'LIMIT_EXCEEDED',
    );
    expect(await refused('{ __schema { types { name } } }')).toContain('INVALID_INPUT');
    expect(await refused('{ broken')).toContain('INVALID_INPUT');
  });

  it('is cut when it sends without ever reading', { timeout: SOON_MS }, async () => {
    const socket = raw();
    await once(socket, 'open');
    socket.on('error', () => {});
    socket.pause();
    const payload = { filler: 'x'.repeat(200_000) };
    const flood = setInterval(() => send(socket, { type: 'ping', payload }), 1);
    const connections = promisify(server.getConnections.bind(server));
    await until(async () => (await connections()) === 0);
    clearInterval(flood);
  });
});
