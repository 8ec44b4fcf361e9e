import { type Client, createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type Service as HttpService, send, startService } from '../../http/service.ts';
import { hero } from '../../rest/swapmyfile/client.ts';
import { createApi, type ServedApi, serveApi } from '../../schema/client.ts';
import { createService } from '../../schema/service.ts';
import { type AccessHarness, ADMIN, openAccessHarness } from '../../support/harness/access-harness.ts';
import { timingsOf, type WrongPair, welch, withWrongLetter } from '../../support/welch.ts';

/** Over real sockets; no proxy is trusted here. */
let harness: AccessHarness;
let base: HttpService;
let swapmyfile: HttpService;
let api: ReturnType<typeof createApi>;
let graphql: ServedApi;

beforeAll(async () => {
  harness = await openAccessHarness();
  base = await startService();
  swapmyfile = await startService({
    operations: { ...base.operations, ...harness.operations, links: harness.links },
  });
  api = createApi({ ...createService().operations, ...harness.operations });
  graphql = await serveApi(api);
});
afterAll(async () => {
  await graphql.close();
  await swapmyfile.close();
  await base.close();
  await harness.close();
});

const prepare = (headers: Record<string, string>, path = '/uploads/prepare') =>
  send(swapmyfile.url, path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(hero),
  });

/** What clients and proxies write about where a call comes from; none of it is believed. */
const CLAIMS: Record<string, (address: string) => Record<string, string>> = {
  'X-Forwarded-For': (address) => ({ 'X-Forwarded-For': address }),
  'a chain in X-Forwarded-For': (address) => ({ 'X-Forwarded-For': `${address}, 127.0.0.1, ${address}` }),
  'X-Real-IP': (address) => ({ 'X-Real-IP': address }),
  Forwarded: (address) => ({ Forwarded: `for="${address}";proto=https` }),
  'True-Client-IP': (address) => ({ 'True-Client-IP': address }),
  'CF-Connecting-IP': (address) => ({ 'CF-Connecting-IP': address }),
  'X-Client-IP': (address) => ({ 'X-Client-IP': address }),
  'X-Cluster-Client-IP': (address) => ({ 'X-Cluster-Client-IP': address }),
  'X-Originating-IP': (address) => ({ 'X-Originating-IP': address }),
  'X-Remote-Addr': (address) => ({ 'X-Remote-Addr': address }),
};

/** Operations over one socket; GraphQL counts each for itself. */
async function overSocket(client: Client, count: number): Promise<number> {
  const results = await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const answer = await client.iterate({ query: `query q${i} { account { accountId } }` }).next();
      return answer.value?.errors ? 0 : 1;
    }),
  );
  return results.reduce<number>((sum, passed) => sum + passed, 0);
}

describe('the calls of an account', () => {
  it('have one limit for all APIs, forms, keys, sessions and aliases together, at once', async () => {
    await harness.operations.editPlan(ADMIN, 'enterprise', { callsPerMinute: 40 });
    const account = await harness.newAccount('enterprise');
    const [first, second] = [
      await harness.newKey(account),
      await harness.newKey(account, { dialect: 'skyconvert' }),
    ];
    const { token } = await harness.operations.createSession(await harness.byKey(first.apiKey), 'full', 5);
    const forms = [
      { 'X-API-Key': first.apiKey },
      { Authorization: `Bearer ${second.apiKey}` },
      { 'x-api-key': second.apiKey, 'X-Forwarded-For': '198.51.100.7' },
      { authorization: `bearer   ${token}` },
    ];
    const paths = ['/uploads/prepare', '/uploads/prepare/', '//uploads///prepare//', '/uploads/prepare?a=b'];
    const client = createClient({
      url: graphql.socketUrl,
      connectionParams: { authorization: `Bearer ${token}` },
      webSocketImpl: WebSocket,
    });
    const aliases = `{ ${Array.from({ length: 5 }, (_, i) => `a${i}: account { accountId }`).join(' ')} }`;
    const alike = (count: number, call: (i: number) => Promise<number>) =>
      Promise.all(Array.from({ length: count }, (_, i) => call(i))).then((all) =>
        all.reduce((a, b) => a + b, 0),
      );

    const passed = await Promise.all([
      alike(60, async (i) => Number((await prepare(forms[i % 4] ?? {}, paths[i % 4])).status === 201)),
      alike(30, async (i) => ((await api.ask('{ account { accountId } }', {}, forms[i % 4])).errors ? 0 : 1)),
      alike(10, async (i) => ((await api.ask(aliases, {}, forms[i % 4])).errors ? 0 : 5)),
      overSocket(client, 30),
    ]);
    const sum = passed.reduce((a, b) => a + b, 0);
    console.log(
      `of 170 calls at once ${sum} passed (40 allowed): REST ${passed[0]}, GraphQL ${passed[1]}, aliases ${passed[2]}, socket ${passed[3]}`,
    );
    expect(sum).toBeGreaterThan(35);
    expect(sum).toBeLessThanOrEqual(42);
    await client.dispose();
    await harness.operations.editPlan(ADMIN, 'enterprise', { callsPerMinute: null });
  });

  it('cannot be put into one array, nor is there another spelling of the path', async () => {
    const { apiKey } = await harness.newKey(await harness.newAccount());
    const headers = { 'X-API-Key': apiKey };
    expect(
      (await api.post([{ query: '{ me { kind } }' }, { query: '{ me { kind } }' }], headers)).status,
    ).toBe(400);
    for (const path of [
      '/Uploads/Prepare',
      '/uploads/prepare.json',
      '/uploads%2Fprepare',
      '/uploads/prepare;a',
    ])
      expect([path, (await prepare(headers, path)).status]).toEqual([path, 404]);
  });
});

describe('the calls of guests', () => {
  it('are those of one address, whatever they claim to come from', async () => {
    const claims = Object.values(CLAIMS);
    const answers = await Promise.all(
      Array.from({ length: 120 }, (_, i) => prepare(claims[i % claims.length]?.(`198.51.100.${i}`) ?? {})),
    );
    const passed = answers.filter(({ status }) => status === 201).length;
    console.log(
      `${passed} of 120 guest calls with ${claims.length} kinds of invented addresses passed (60 allowed)`,
    );
    expect(passed).toBe(60);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(60);
  });
});

describe('a key for certain addresses', () => {
  it.each(Object.entries(CLAIMS))('does not believe %s', async (_name, claim) => {
    const { apiKey } = await harness.newKey(await harness.newAccount(), {
      restriction: { ip: ['203.0.113.5'] },
    });
    expect((await prepare({ 'X-API-Key': apiKey, ...claim('203.0.113.5') })).status).toBe(403);
  });

  it.each([
    [['127.0.0.0/8'], 201],
    [['::ffff:127.0.0.1'], 201],
    [['::ffff:127.0.0.0/104'], 201],
    [['::1', '::/96', '10.0.0.0/8'], 403],
    [['::ffff:0:0/95'], 403],
  ])('of %j answers a call from 127.0.0.1 with %i', async (ip, status) => {
    const { apiKey } = await harness.newKey(await harness.newAccount(), { restriction: { ip } });
    expect((await prepare({ 'X-API-Key': apiKey })).status).toBe(status);
  });
});

describe('a key for certain pages', () => {
  it.each<[string, Record<string, string>, number]>([
    ['nothing that says where from', {}, 403],
    ['another page', { Origin: 'https://evil.example' }, 403],
    [
      'another page that refers to the right one',
      { Origin: 'https://evil.example', Referer: 'https://example.com/' },
      403,
    ],
    ['a sandboxed page', { Origin: 'null', Referer: 'https://example.com/' }, 403],
    ['two pages at once', { Origin: 'https://example.com, https://evil.example' }, 403],
    ['the right name before another one', { Origin: 'https://example.com.evil.example' }, 403],
    ['the right name as a user', { Referer: 'https://example.com@evil.example/' }, 403],
    ['the right name as a path', { Referer: 'https://evil.example/https://example.com' }, 403],
    ['a Host of the right name', { Host: 'example.com' }, 403],
    ['a proxy that says so', { 'X-Forwarded-Host': 'example.com', 'X-Original-Host': 'example.com' }, 403],
    ['a browser that says same-site', { 'Sec-Fetch-Site': 'same-origin' }, 403],
    // Weak by nature: whoever writes a program writes this header (docs/decisions/0007).
    ['a program that says what a browser would', { Origin: 'https://example.com' }, 201],
  ])('with %s', async (_what, headers, status) => {
    const { apiKey } = await harness.newKey(await harness.newAccount(), {
      restriction: { domain: ['example.com'] },
    });
    expect((await prepare({ 'X-API-Key': apiKey, ...headers })).status).toBe(status);
  });
});

describe('the time that a wrong key takes', () => {
  it('does not tell how much of it is right: the database is asked for its hash', async () => {
    const { apiKey } = await harness.newKey(await harness.newAccount());
    const first = apiKey.indexOf('_live_') + '_live_'.length;
    const wrong = Array.from(
      { length: 500 },
      (): WrongPair => [withWrongLetter(apiKey, first), withWrongLetter(apiKey, -1)],
    );
    const check = (key: string) => harness.byKey(key).catch((error: { code: string }) => error.code);
    for (const key of wrong[0] ?? []) expect(await check(key)).toBe('UNAUTHENTICATED');
    const t = welch(...(await timingsOf(check, wrong, 2000)));
    console.log(`an API key: Welch t = ${t.toFixed(2)} over 2 × 2000 samples (4.5 would show)`);
    expect(Math.abs(t)).toBeLessThan(4.5);
  });
});
