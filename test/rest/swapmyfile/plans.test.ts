import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Account } from '../../../src/domain/access/account.ts';
import type { PreparedJob } from '../../../src/rest/swapmyfile/response.ts';
import { type Answer, type Service, send, startService } from '../../http/service.ts';
import { type AccessHarness, openAccessHarness } from '../../support/harness/access-harness.ts';
import { hero } from './client.ts';

let harness: AccessHarness;
let base: Service;
let service: Service;

beforeAll(async () => {
  harness = await openAccessHarness({ trustedProxies: ['127.0.0.1'] });
  base = await startService();
  service = await startService({
    operations: { ...base.operations, ...harness.operations, links: harness.links },
  });
});
afterAll(async () => {
  await service.close();
  await base.close();
  await harness.close();
});

const callback = { callbackUrl: 'https://client.example/hook' };

function prepare(
  headers: Record<string, string>,
  more: object = {},
  path = '/uploads/prepare',
): Promise<Answer> {
  return send(service.url, path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify({ ...hero, ...more }),
  });
}

async function keyOf(
  plan: string,
): Promise<{ account: Account; headers: Record<string, string>; apiKey: string }> {
  const account = await harness.newAccount(plan);
  const { apiKey } = await harness.newKey(account, { dialect: 'swapmyfile' });
  return { account, apiKey, headers: { 'X-API-Key': apiKey } };
}

async function sessionOf(
  apiKey: string,
  kind: 'full' | 'read-only' = 'full',
): Promise<Record<string, string>> {
  const { token } = await harness.operations.createSession(await harness.byKey(apiKey), kind, 5);
  return { Authorization: `Bearer ${token}` };
}

const errorOf = (answer: Answer) => [answer.status, answer.json<{ error: { code: string } }>().error.code];

describe('a callback', () => {
  it('needs a Pro account: 403 with another key, 401 with none', async () => {
    expect((await prepare((await keyOf('pro')).headers, callback)).status).toBe(201);
    for (const plan of ['free', 'basic'])
      expect(errorOf(await prepare((await keyOf(plan)).headers, callback))).toEqual([403, 'FORBIDDEN']);
    expect(errorOf(await prepare({}, callback))).toEqual([401, 'UNAUTHENTICATED']);
  });

  it('is refused to the session of a basic account and to a guest with a token', async () => {
    const { apiKey } = await keyOf('basic');
    expect(errorOf(await prepare(await sessionOf(apiKey), callback))).toEqual([403, 'FORBIDDEN']);
    const { guestToken } = (await prepare({})).json<PreparedJob>();
    expect(errorOf(await prepare({ Authorization: `Bearer ${guestToken}` }, callback))).toEqual([
      403,
      'FORBIDDEN',
    ]);
  });
});

describe('a single prepare', () => {
  it('by the key of a basic account is 403 and says what would help', async () => {
    const answer = await prepare((await keyOf('basic')).headers);
    expect(answer.status).toBe(403);
    expect(answer.json()).toMatchObject({
      error: {
        code: 'FORBIDDEN',
        message: expect.stringContaining('basic plan'),
        hint: expect.stringContaining('Pro'),
      },
    });
  });

  it('by a session equals the owner: the same jobs by key and by session', async () => {
    const { apiKey, headers } = await keyOf('pro');
    const session = await sessionOf(apiKey);
    const { job } = (await prepare(session, callback)).json<PreparedJob>();
    for (const credential of [headers, session, await sessionOf(apiKey, 'read-only')])
      expect((await send(service.url, `/jobs/${job.jobId}`, { headers: credential })).status).toBe(200);
    expect(errorOf(await prepare(await sessionOf(apiKey, 'read-only')))).toEqual([403, 'FORBIDDEN']);
  });

  it('by the session of a basic account is the browser flow, which every account has', async () => {
    const { apiKey } = await keyOf('basic');
    expect((await prepare(await sessionOf(apiKey))).status).toBe(201);
  });
});

describe('the quota', () => {
  it('is one for all forms of a key, all keys, all spellings of a path; then 429 with Retry-After', async () => {
    await harness.operations.editPlan({ kind: 'admin' }, 'enterprise', { callsPerMinute: 20 });
    const { account, apiKey } = await keyOf('enterprise');
    const second = await harness.newKey(account);
    const forms = [
      { 'X-API-Key': apiKey },
      { Authorization: `Bearer ${apiKey}` },
      { authorization: `bearer ${second.apiKey}` },
    ];
    const paths = ['/uploads/prepare', '/uploads/prepare/', '//uploads//prepare'];
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        prepare(forms[i % 3] ?? {}, { n: i }, paths[Math.floor(i / 3) % 3]),
      ),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(20);
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(40);
    const [one] = refused;
    expect(one?.json()).toEqual({
      error: {
        code: 'RATE_LIMITED',
        message: expect.stringContaining('20 calls per minute'),
        hint: expect.any(String),
      },
    });
    expect(Number(one?.headers['retry-after'])).toBeGreaterThan(50);
    expect((await send(service.url, '/jobs/x', { headers: forms[0] ?? {} })).status).toBe(429);
    expect(
      (await send(service.url, '/jobs/x', { headers: { ...forms[0], 'X-Forwarded-For': '192.0.2.77' } }))
        .status,
    ).toBe(429);
    await harness.operations.editPlan({ kind: 'admin' }, 'enterprise', { callsPerMinute: null });
  });

  it('of guests goes by the address that a trusted proxy has seen', async () => {
    const from = (address: string) => ({ 'X-Forwarded-For': `198.51.100.1, ${address}` });
    const statuses = async (address: (i: number) => string, count: number) =>
      (await Promise.all(Array.from({ length: count }, (_, i) => prepare(from(address(i)))))).map(
        ({ status }) => status,
      );
    const sameNet = await statuses((i) => `2001:db8:7:7::${i.toString(16)}`, 70);
    expect(sameNet.filter((status) => status === 201)).toHaveLength(60);
    expect(sameNet.filter((status) => status === 429)).toHaveLength(10);
    expect(await statuses(() => '2001:db8:7:8::1', 1)).toEqual([201]);
    // Looking at what one has is not limited: the status link may be polled.
    const { job, statusToken } = (await prepare(from('203.0.113.44'))).json<PreparedJob>();
    for (let i = 0; i < 70; i += 1)
      expect((await send(service.url, `/jobs/${job.jobId}?token=${statusToken}`)).status).toBe(200);
  });
});

describe('a restricted key', () => {
  it('is refused with 403 from elsewhere, and a revoked one with 401', async () => {
    const account = await harness.newAccount();
    const { key, apiKey } = await harness.newKey(account, { restriction: { ip: ['203.0.113.0/24'] } });
    const headers = { 'X-API-Key': apiKey };
    expect(errorOf(await prepare(headers))).toEqual([403, 'FORBIDDEN']);
    expect((await prepare({ ...headers, 'X-Forwarded-For': '203.0.113.9' })).status).toBe(201);
    expect(errorOf(await prepare({ ...headers, 'X-Forwarded-For': '203.0.113.9, 192.0.2.1' }))).toEqual([
      403,
      'FORBIDDEN',
    ]);
    await harness.operations.revokeKey({ kind: 'admin' }, key._id);
    expect(errorOf(await prepare({ ...headers, 'X-Forwarded-For': '203.0.113.9' }))).toEqual([
      401,
      'UNAUTHENTICATED',
    ]);
  });
});
