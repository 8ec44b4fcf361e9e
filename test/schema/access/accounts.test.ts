import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Account } from '../../../src/domain/access/account.ts';
import { type AccessHarness, ADMIN_TOKEN, openAccessHarness } from '../../support/harness/access-harness.ts';
import { createApi } from '../client.ts';
import { createService } from '../service.ts';

let harness: AccessHarness;
let api: ReturnType<typeof createApi>;

beforeAll(async () => {
  harness = await openAccessHarness();
});
beforeEach(() => {
  api = createApi({ ...createService().operations, ...harness.operations });
});
afterAll(() => harness.close());

const asAdmin = { Authorization: `Bearer ${ADMIN_TOKEN}` };
const asKey = (apiKey: string) => ({ 'X-API-Key': apiKey });
const REFUSAL = '... on Error { __typename code message field hint }';

async function newOwner(plan = 'pro'): Promise<{ account: Account; apiKey: string; keyId: string }> {
  const account = await harness.newAccount(plan);
  const { key, apiKey } = await harness.newKey(account);
  return { account, apiKey, keyId: key._id };
}

const CREATE_KEY = `mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) {
  ... on ApiKeySecrets { apiKey publicKey secretKey key { keyId prefix scopes dialect restriction { type values } } }
  ${REFUSAL}
} }`;

describe('the operator', () => {
  it('makes an account and a key that works', async () => {
    const made = await api.ask(
      `mutation { createAccount(name: "Ada", plan: "basic") { ... on AccountSuccess { account { accountId plan { name callsPerMinute } } } } }`,
      {},
      asAdmin,
    );
    const { accountId, plan } = made.data.createAccount.account;
    expect(plan).toEqual({ name: 'basic', callsPerMinute: 60 });
    const input = { accountId, name: 'Web', dialect: 'SKYCONVERT', restriction: { domain: ['example.com'] } };
    const { createApiKey } = (await api.ask(CREATE_KEY, { input }, asAdmin)).data;
    expect(createApiKey.key).toMatchObject({
      scopes: ['CONVERT', 'READ', 'MANAGE'],
      dialect: 'SKYCONVERT',
      restriction: { type: 'DOMAIN', values: ['example.com'] },
    });
    expect(createApiKey.apiKey.startsWith(createApiKey.key.prefix)).toBe(true);
    expect(await harness.byKey(createApiKey.apiKey, { origin: 'https://example.com' })).toMatchObject({
      accountId,
    });
    const list = await api.ask(
      '{ accounts(first: 1) { edges { node { accountId keys { prefix } } } } }',
      {},
      asAdmin,
    );
    expect(list.data.accounts.edges[0].node).toEqual({
      accountId,
      keys: [{ prefix: createApiKey.key.prefix }],
    });
  });

  it('owns nothing, and nobody else is the operator', async () => {
    const { apiKey, account } = await newOwner();
    expect((await api.ask('{ me { kind } }', {}, asAdmin)).data.me).toEqual({ kind: 'ANONYMOUS' });
    const edit = `mutation { editPlan(plan: "pro", changes: { concurrency: 99 }) { ${REFUSAL} } }`;
    const move = `mutation { setAccountPlan(id: "${account._id}", plan: "enterprise") { ${REFUSAL} } }`;
    for (const query of [edit, move]) {
      const [field = ''] = Object.keys((await api.ask(query, {}, asKey(apiKey))).data);
      const asOwner = (await api.ask(query, {}, asKey(apiKey))).data[field];
      expect(asOwner).toMatchObject({ __typename: 'ForbiddenError', code: 'FORBIDDEN' });
      expect((await api.ask(query, {}, {})).data[field]).toMatchObject({ code: 'UNAUTHENTICATED' });
    }
    const wrong = await api.ask('{ me { kind } }', {}, { Authorization: `Bearer ${ADMIN_TOKEN}x` });
    expect(wrong.errors?.[0]?.extensions).toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});

describe('an owner', () => {
  it('makes, renames, rotates, lists and revokes their keys', async () => {
    const { apiKey } = await newOwner();
    const made = await api.ask(CREATE_KEY, { input: { name: 'Second', scopes: ['READ'] } }, asKey(apiKey));
    const { key, apiKey: second } = made.data.createApiKey;
    const change = (mutation: string, success = 'ApiKeySuccess { key { name revokedAt } }') =>
      api.ask(`mutation { it: ${mutation} { ... on ${success} ${REFUSAL} } }`, {}, asKey(apiKey));
    expect((await change(`renameApiKey(id: "${key.keyId}", name: "New")`)).data.it.key.name).toBe('New');
    const rotated = (await change(`rotateApiKey(id: "${key.keyId}")`, 'ApiKeySecrets { apiKey }')).data.it
      .apiKey;
    await expect(harness.byKey(second)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect((await api.ask('{ me { kind plan } }', {}, asKey(rotated))).data.me).toEqual({
      kind: 'ACCOUNT',
      plan: 'pro',
    });
    expect((await change(`revokeApiKey(id: "${key.keyId}")`)).data.it.key.revokedAt).not.toBeNull();
    const { account } = (await api.ask('{ account { name keys { keyId name } } }', {}, asKey(apiKey))).data;
    expect(account.keys.map(({ name }: { name: string }) => name)).toEqual(['New', 'Test']);
  });

  it('sees no foreign account or key', async () => {
    const [mine, theirs] = [await newOwner(), await newOwner()];
    const { errors } = await api.ask(
      'query ($id: ID) { account(id: $id) { name } }',
      { id: theirs.account._id },
      asKey(mine.apiKey),
    );
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'NOT_FOUND' });
    const { data } = await api.ask(
      `mutation { revokeApiKey(id: "${theirs.keyId}") { ${REFUSAL} } }`,
      {},
      asKey(mine.apiKey),
    );
    expect(data.revokeApiKey).toMatchObject({ __typename: 'NotFoundError' });
  });

  it('mints a session that may only do what it is for', async () => {
    const { apiKey } = await newOwner();
    const mint = `mutation { createSession(kind: UPLOAD_ONLY, minutes: 5) { ... on CreateSessionSuccess { token expiresAt } ${REFUSAL} } }`;
    const { token } = (await api.ask(mint, {}, asKey(apiKey))).data.createSession;
    const asSession = { Authorization: `Bearer ${token}` };
    const upload =
      'mutation { prepareUpload(input: { filename: "a.png", mime: "image/png", size: 1 }) { __typename } }';
    expect((await api.ask(upload, {}, asSession)).data.prepareUpload.__typename).toBe('PrepareUploadSuccess');
    const { errors } = await api.ask('{ jobs { edges { cursor } } }', {}, asSession);
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN' });
    const job =
      'mutation { createJob(input: { target: "webp", upload: { filename: "a.png", mime: "image/png", size: 1 } }) { ... on Error { code } } }';
    expect((await api.ask(job, {}, asSession)).data.createJob).toEqual({ code: 'FORBIDDEN' });
  });
});

describe('the limits of a plan', () => {
  it('refuse a query with 429 and a mutation with a LimitError, by all keys of the account', async () => {
    const { account, apiKey } = await newOwner('basic');
    const { apiKey: second } = await harness.newKey(account, { dialect: 'swapmyfile' });
    const asked = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        api.post({ query: '{ a: formats { id } b: formats { id } }' }, asKey(i % 2 ? apiKey : second)),
      ),
    );
    expect(asked.map(({ status }) => status)).toEqual(Array(30).fill(200));
    const refused = await api.post({ query: '{ formats { id } }' }, asKey(second));
    expect(refused.status).toBe(429);
    const seconds = Number(refused.headers.get('Retry-After'));
    expect(seconds).toBeGreaterThan(30);
    expect(seconds).toBeLessThanOrEqual(60);
    expect(await refused.json()).toMatchObject({
      errors: [{ extensions: { code: 'RATE_LIMITED', retryAfterSeconds: seconds } }],
    });
    const job = `mutation { createJob(input: { target: "webp", upload: { filename: "a.png", mime: "image/png", size: 1 } }) {
      ... on LimitError { code retryAfterSeconds hint } } }`;
    const { data } = await api.ask(job, {}, asKey(apiKey));
    expect(data.createJob).toMatchObject({ code: 'RATE_LIMITED', retryAfterSeconds: expect.any(Number) });
    expect(data.createJob.retryAfterSeconds).toBeLessThanOrEqual(60);
  });

  it('count every alias, also behind fragments, and answer about themselves for nothing', async () => {
    const { apiKey } = await newOwner('basic');
    const aliases = Array.from({ length: 10 }, (_, i) => `a${i}: formats { id }`).join(' ');
    await api.ask(
      `{ ...all me { kind } } fragment all on Query { ... on Query { ${aliases} } plans { name } }`,
      {},
      asKey(apiKey),
    );
    const standing = `{ me { usage { callsPerMinute usedThisMinute usedToday callsPerDay } } }`;
    for (let i = 0; i < 3; i += 1)
      expect((await api.ask(standing, {}, asKey(apiKey))).data.me.usage).toEqual({
        callsPerMinute: 60,
        usedThisMinute: 10,
        usedToday: 10,
        callsPerDay: 2000,
      });
  });

  it('keep the API from a free key, and say what would help', async () => {
    const { apiKey } = await newOwner('free');
    const { errors } = await api.ask('{ formats { id } }', {}, asKey(apiKey));
    expect(errors?.[0]).toMatchObject({
      message: 'The API is not part of the free plan.',
      extensions: { code: 'FORBIDDEN', hint: expect.stringContaining('Upgrade') },
    });
    const explain = `{ explainPolicy(input: { filename: "a.png", target: "webp", size: 10 }) { allowed plan { name } refusals { rule code } } }`;
    expect((await api.ask(explain, {}, asKey(apiKey))).data.explainPolicy).toEqual({
      allowed: false,
      plan: { name: 'free' },
      refusals: [{ rule: 'API_ACCESS', code: 'FORBIDDEN' }],
    });
    const { apiKey: basic } = await newOwner('basic');
    const byApi = (name: string) => `{ explainPolicy(input: { api: ${name} }) { refusals { rule } } }`;
    expect((await api.ask(byApi('GRAPHQL'), {}, asKey(basic))).data.explainPolicy.refusals).toEqual([]);
    expect((await api.ask(byApi('SWAPMYFILE'), {}, asKey(basic))).data.explainPolicy.refusals).toEqual([
      { rule: 'SWAPMYFILE_ACCESS' },
    ]);
    const mint = `mutation { createSession { ${REFUSAL} } }`;
    expect((await api.ask(mint, {}, asKey(apiKey))).data.createSession).toMatchObject({
      __typename: 'ForbiddenError',
    });
  });

  it('follow the operator', async () => {
    const edit = (changes: string) =>
      api.ask(
        `mutation { editPlan(plan: "enterprise", changes: ${changes}) { ... on EditPlanSuccess { plan { callsPerMinute } } ${REFUSAL} } }`,
        {},
        asAdmin,
      );
    expect((await edit('{ callsPerMinute: 2 }')).data.editPlan).toEqual({ plan: { callsPerMinute: 2 } });
    const { apiKey } = await newOwner('enterprise');
    const statuses = [];
    for (let i = 0; i < 3; i += 1)
      statuses.push((await api.post({ query: '{ formats { id } }' }, asKey(apiKey))).status);
    expect(statuses).toEqual([200, 200, 429]);
    expect((await edit('{ callsPerMinute: null }')).data.editPlan).toEqual({
      plan: { callsPerMinute: null },
    });
    expect((await edit('{ colour: 1 }')).data.editPlan).toMatchObject({
      code: 'INVALID_INPUT',
      field: 'colour',
    });
  });
});
