import { createClient } from 'graphql-ws';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { createApi, type ServedApi, serveApi } from '../../schema/client.ts';
import { createService, type Service } from '../../schema/service.ts';
import { type AccessHarness, ADMIN, openAccessHarness } from '../../support/harness/access-harness.ts';

let harness: AccessHarness;
let service: Service;
let api: ReturnType<typeof createApi>;

beforeAll(async () => {
  harness = await openAccessHarness();
});
beforeEach(() => {
  service = createService();
  api = createApi({ ...service.operations, ...harness.operations });
});
afterAll(() => harness.close());

const asKey = (apiKey: string) => ({ 'X-API-Key': apiKey });

async function newOwner(): Promise<{ apiKey: string; keyId: string }> {
  const { key, apiKey } = await harness.newKey(await harness.newAccount());
  return { apiKey, keyId: key._id };
}

describe('an open subscription', () => {
  const EVENTS = 'subscription ($jobId: ID!) { jobEvents(jobId: $jobId) { seq } }';
  let server: ServedApi;

  beforeEach(async () => {
    server = await serveApi(api);
  });
  afterEach(() => server.close());

  async function newJob(apiKey: string): Promise<string> {
    const job = `mutation { createJob(input: { target: "webp", upload: { filename: "a.png", mime: "image/png", size: 1 } }) { ... on CreateJobSuccess { job { jobId } } } }`;
    return (await api.ask(job, {}, asKey(apiKey))).data.createJob.job.jobId;
  }

  it.each(['revokeKey', 'rotateKey'] as const)('over a socket ends within 5 s of %s', async (mutation) => {
    const { apiKey, keyId } = await newOwner();
    const jobId = await newJob(apiKey);
    const socket = Promise.withResolvers<unknown>();
    const client = createClient({
      url: server.socketUrl,
      connectionParams: { apiKey },
      retryAttempts: 0,
      webSocketImpl: WebSocket,
      // A lazy client would hang up by itself once its subscription has been told, and hide who closes.
      lazy: false,
      onNonLazyError: () => {},
      on: { closed: socket.resolve },
    });
    const events = client.iterate({ query: EVENTS, variables: { jobId } });
    await events.next();
    const began = performance.now();
    await harness.operations[mutation](ADMIN, keyId);
    // The subscription may hear of it before its socket is closed; what counts is that both end.
    events.next().catch(() => {});
    const closed = await socket.promise;
    const seconds = (performance.now() - began) / 1000;
    console.log(`${mutation}: the socket was closed after ${seconds.toFixed(2)} s`);
    expect(closed).toMatchObject({ code: 4403 });
    expect(seconds).toBeLessThan(5);
    await vi.waitFor(() => expect(service.watchers(jobId)).toBe(0));
  });

  it('over server-sent events ends within 5 s, and says why', async () => {
    const { apiKey, keyId } = await newOwner();
    const jobId = await newJob(apiKey);
    const response = await fetch(server.graphqlUrl, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'text/event-stream', ...asKey(apiKey) },
      body: JSON.stringify({ query: EVENTS, variables: { jobId } }),
    });
    const began = performance.now();
    await harness.operations.revokeKey(ADMIN, keyId);
    const text = await response.text();
    expect((performance.now() - began) / 1000).toBeLessThan(5);
    expect(text).toContain('"seq":1');
    expect(text).toContain('UNAUTHENTICATED');
    expect(text).toContain('event: complete');
    expect(service.watchers(jobId)).toBe(0);
  });

  it('stays open while its key holds, also through many looks', async () => {
    const { apiKey } = await newOwner();
    const jobId = await newJob(apiKey);
    const client = createClient({
      url: server.socketUrl,
      connectionParams: { apiKey },
      retryAttempts: 0,
      webSocketImpl: WebSocket,
    });
    const events = client.iterate({ query: EVENTS, variables: { jobId } });
    await events.next();
    await new Promise((resolve) => setTimeout(resolve, 3500));
    service.move(jobId, 'queued');
    expect(await events.next()).toMatchObject({ value: { data: { jobEvents: { seq: 2 } } } });
    await client.dispose();
  });

  it('is not opened from where the key may not be used', async () => {
    const restricted = await harness.newKey(await harness.newAccount(), {
      restriction: { ip: ['192.0.2.1'] },
    });
    const client = createClient({
      url: server.socketUrl,
      connectionParams: { apiKey: restricted.apiKey },
      retryAttempts: 0,
      webSocketImpl: WebSocket,
    });
    const closed = await client
      .iterate({ query: '{ me { kind } }' })
      .next()
      .catch((event: unknown) => event);
    expect(closed).toMatchObject({ code: 4403, reason: 'This key may not be used from this address.' });
  });
});
