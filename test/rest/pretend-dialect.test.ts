import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer, Message } from '../http/service.ts';
import { createPretendSources, type PretendSources } from '../support/pretend-dialect.ts';

const MEBIBYTE = 2 ** 20;

let sources: PretendSources;
// biome-ignore lint/suspicious/noExplicitAny: Of the copy, whose types this test does not have.
let service: any;
let send: (path: string, message?: Message) => Promise<Answer>;

beforeAll(async () => {
  sources = await createPretendSources();
  const http = await sources.load('test/http/service.ts');
  service = await http.startService({ publicUrl: (dialect: string) => `https://${dialect}.example` });
  send = (path, message) => http.send(service.url, path, message);
});
afterAll(async () => {
  await service.close();
  await sources.remove();
});

const post = (key: string | undefined, { query = '', size = 0, headers = {} } = {}) =>
  send(`/pretend${query}`, {
    method: 'POST',
    headers: { ...(key && { 'X-Pretend-Key': key }), ...headers },
    body: JSON.stringify({ filename: 'a.png', padding: ' '.repeat(size) }),
  });

describe('a dialect that is a row of the table and a folder', () => {
  it('takes jobs with a key in its own places, and shows them to no other dialect', async () => {
    const key: string = service.memory.newKey('enterprise');
    const answer = await post(key);
    expect([answer.status, answer.json()]).toEqual([
      200,
      { jobId: expect.any(String), dialect: 'pretend', at: 'https://pretend.example' },
    ]);
    expect((await post(undefined, { query: `?pretend_key=${key}` })).status).toBe(200);
    // Elsewhere the same key is none.
    expect((await post(undefined, { headers: { 'X-API-Key': key } })).text).toBe('pretend: UNAUTHENTICATED');
    const { jobId } = answer.json<{ jobId: string }>();
    const foreign = await send(`/jobs/${jobId}`, { headers: { 'X-API-Key': key } });
    expect([foreign.status, foreign.json()]).toMatchObject([404, { error: { code: 'NOT_FOUND' } }]);
  });

  it('is part of the plans that its row names, and refuses in its own words', async () => {
    const refused = await post(service.memory.newKey('pro'));
    expect([refused.status, refused.text]).toEqual([418, 'pretend: FORBIDDEN']);
    const { DEFAULT_PLANS, PLAN_TERMS, POLICY_RULES } = await sources.load(
      'src/domain/access/account-plan.ts',
    );
    expect(DEFAULT_PLANS.get('pro')).toMatchObject({ pretendApi: false, swapmyfileApi: true });
    expect(DEFAULT_PLANS.get('enterprise')).toMatchObject({ pretendApi: true });
    expect(PLAN_TERMS).toContain('pretendApi');
    expect(POLICY_RULES.PRETEND_ACCESS).toBe('The plan does not include keyed calls of the Pretend API.');
  });

  it('has a limit of bodies of its own', async () => {
    const key: string = service.memory.newKey('enterprise');
    expect((await post(key, { size: 1.5 * MEBIBYTE })).status).toBe(200);
    expect((await post(key, { size: 2 * MEBIBYTE })).text).toBe('pretend: TOO_LARGE');
    const body = ' '.repeat(1.5 * MEBIBYTE);
    expect((await send('/uploads/prepare', { method: 'POST', body })).status).toBe(413);
    expect((await send('/graphql', { method: 'POST', body })).status).toBe(413);
  });

  it('lets in the pages that its row names, without opening any other dialect', async () => {
    const preflight = (path: string) =>
      send(path, {
        method: 'OPTIONS',
        headers: { Origin: 'https://page.example', 'Access-Control-Request-Method': 'POST' },
      });
    expect(await preflight('/pretend')).toMatchObject({
      status: 204,
      headers: {
        'access-control-allow-origin': 'https://page.example',
        'access-control-allow-headers': 'X-Pretend-Key',
      },
    });
    const headers = { Origin: 'https://page.example' };
    expect((await post(undefined, { headers })).headers).toHaveProperty('access-control-allow-origin');
    for (const path of ['/uploads/prepare', '/jobs/x'])
      expect((await preflight(path)).headers).not.toHaveProperty('access-control-allow-origin');
  });

  it('gets the paths that its clients sign as they were sent, and others tidied', async () => {
    expect((await send('/pretend/signed/a//b/')).text).toBe('/pretend/signed/a//b/');
    expect((await send('//pretend//', { method: 'POST', body: '{}' })).text).toBe('pretend: UNAUTHENTICATED');
  });

  it('stands on the page at /', async () => {
    expect((await send('/')).text).toContain('<code>POST /pretend</code> – for clients of Pretend');
  });

  it('is known to GraphQL, to keys and to the configuration', async () => {
    const { printedSchema } = await sources.load('schema/print.ts');
    const types: string[] = printedSchema().split('\n}\n');
    const typesWith = (word: RegExp) =>
      types.filter((type) => word.test(type)).map((type) => /^(?:enum|type) \w+/m.exec(type)?.[0]);
    expect(typesWith(/^ {2}PRETEND$/m)).toEqual(['enum Dialect', 'enum KeyDialect', 'enum PolicyApi']);
    expect(typesWith(/^ {2}pretendApi: Boolean!$/m)).toEqual(['type Plan']);
    expect(typesWith(/^ {2}PRETEND_ACCESS$/m)).toEqual(['enum PolicyRule']);

    const { KEY_PREFIXES } = await sources.load('src/domain/dialect.ts');
    expect(KEY_PREFIXES.pretend).toBe('pre_live_');

    const { loadConfig } = await sources.load('src/config.ts');
    const { describeVariables } = await sources.load('src/cli/doctor/variables.ts');
    const config = loadConfig({ KILN_PUBLIC_URL_PRETEND: 'https://pretend.example/' });
    expect(config.publicUrls).toEqual({ pretend: 'https://pretend.example' });
    expect(describeVariables(config)).toContainEqual(
      expect.objectContaining({ name: 'KILN_PUBLIC_URL_PRETEND', value: 'https://pretend.example' }),
    );
  });
});
