import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Actor } from '../../../src/domain/access/account.ts';
import { createKeyUsage } from '../../../src/operations/access/key-usage.ts';
import { hashApiKey } from '../../../src/secrets/api-key.ts';
import { type AccessHarness, ADMIN, openAccessHarness } from '../../support/harness/access-harness.ts';

let harness: AccessHarness;

beforeAll(async () => {
  harness = await openAccessHarness({ trustedProxies: ['10.0.0.0/8'] });
});
afterAll(() => harness.close());

const refused = { code: 'UNAUTHENTICATED' };
const missing = { code: 'NOT_FOUND' };

describe('a key', () => {
  it.each([
    ['kiln', /^kiln_live_[\w-]{43}$/],
    ['swapmyfile', /^smf_live_[\w-]{43}$/],
    ['skyconvert', /^oc_live_[\w-]{43}$/],
  ] as const)('made for %s is shown once and kept as a hash', async (dialect, form) => {
    const account = await harness.newAccount();
    const { key, apiKey, secretKey } = await harness.newKey(account, { dialect });
    expect(apiKey).toMatch(form);
    expect(await harness.byKey(apiKey)).toMatchObject({
      kind: 'account',
      accountId: account._id,
      via: 'key',
    });
    const stored = await harness.database.collections.keys.findOne({ _id: key._id });
    expect(stored).toMatchObject({
      secretHash: hashApiKey(apiKey),
      prefix: apiKey.slice(0, apiKey.indexOf('_live_') + 10),
    });
    const binding = { collection: 'keys', id: key._id, field: 'secretKey' };
    expect(harness.sealer.open(stored?.sealedSecretKey ?? '', binding)).toBe(secretKey);
    for (const collection of await harness.database.db.collections()) {
      const everything = JSON.stringify(await collection.find().toArray());
      expect(everything).not.toContain(apiKey.slice(-20));
      expect(everything).not.toContain(secretKey);
    }
  });

  it('is refused with any other spelling, always in the same words', async () => {
    const { apiKey } = await harness.newKey(await harness.newAccount());
    const wrong = [
      '',
      apiKey.slice(0, -1),
      `${apiKey}a`,
      ` ${apiKey}`,
      apiKey.toUpperCase(),
      apiKey.replace('kiln_live_', 'smf_live_'),
      apiKey.replace('kiln_live_', ''),
      hashApiKey(apiKey),
      '{"$ne":null}',
    ];
    for (const spelling of wrong) {
      await expect(harness.byKey(spelling)).rejects.toMatchObject({
        ...refused,
        message: 'The API key is not valid.',
      });
    }
  });

  it('stops at once when it is revoked, in every process, for good', async () => {
    const { key, apiKey } = await harness.newKey(await harness.newAccount());
    const other = harness.newProcess();
    const inOther = () => other.operations.authenticate({ kind: 'api-key', apiKey });
    await inOther();
    const { revokedAt } = await harness.operations.revokeKey(ADMIN, key._id);
    await expect(harness.byKey(apiKey)).rejects.toMatchObject(refused);
    await expect(inOther()).rejects.toMatchObject(refused);
    expect((await harness.operations.revokeKey(ADMIN, key._id)).revokedAt).toEqual(revokedAt);
    await expect(harness.operations.rotateKey(ADMIN, key._id)).rejects.toMatchObject({ code: 'WRONG_STATE' });
    await other.close();
  });

  it('keeps its id when it is rotated, and its old secret is worthless', async () => {
    const { key, apiKey } = await harness.newKey(await harness.newAccount(), { dialect: 'swapmyfile' });
    const rotated = await harness.operations.rotateKey(ADMIN, key._id);
    expect(rotated.key).toMatchObject({ _id: key._id, name: key.name });
    expect(rotated.apiKey).toMatch(/^smf_live_/);
    expect(rotated.key.publicKey).not.toBe(key.publicKey);
    await expect(harness.byKey(apiKey)).rejects.toMatchObject(refused);
    expect(await harness.byKey(rotated.apiKey)).toMatchObject({ keyId: key._id });
  });

  it('knows how often and when it was used, written down in batches', async () => {
    const { key } = await harness.newKey(await harness.newAccount());
    const log = { warn: () => {} };
    const usage = createKeyUsage({ keys: harness.keys, log, everyMs: 50 });
    for (let call = 0; call < 100; call += 1) usage.note(key._id);
    await vi.waitFor(
      async () =>
        expect(await harness.keys.find(key._id)).toMatchObject({
          usageCount: 100,
          lastUsedAt: expect.any(Date),
        }),
      { timeout: 20_000 },
    );
    usage.note(key._id);
    await usage.close();
    expect(await harness.keys.find(key._id)).toMatchObject({ usageCount: 101 });
  });

  it('loses no use when the database is away for a while', async () => {
    const { key } = await harness.newKey(await harness.newAccount());
    let away = true;
    const missed = Promise.withResolvers<void>();
    const addUses: typeof harness.keys.addUses = async (uses) => {
      if (!away) return harness.keys.addUses(uses);
      missed.resolve();
      throw new Error('away');
    };
    const usage = createKeyUsage({ keys: { addUses }, log: { warn: () => {} }, everyMs: 20 });
    usage.note(key._id);
    await missed.promise;
    usage.note(key._id);
    away = false;
    await usage.close();
    expect(await harness.keys.find(key._id)).toMatchObject({ usageCount: 2 });
  });
});

describe('a restricted key', () => {
  const page = (origin: string | null, referer: string | null = null) => ({ origin, referer });

  it.each([
    ['its address', { peer: '203.0.113.5' }, true],
    ['its address as IPv6', { peer: '::ffff:203.0.113.5' }, true],
    ['its range', { peer: '198.51.100.77' }, true],
    ['its IPv6 range', { peer: '2001:db8::1' }, true],
    ['another address', { peer: '203.0.113.6' }, false],
    ['no known address', { peer: null }, false],
    ['an invented X-Forwarded-For', { peer: '192.0.2.1', forwardedFor: '203.0.113.5' }, false],
    ['a trusted proxy', { peer: '10.1.1.1', forwardedFor: '203.0.113.5' }, true],
    ['a trusted proxy, with a port', { peer: '10.1.1.1', forwardedFor: '203.0.113.5:4711' }, true],
    [
      'an invention before a trusted proxy',
      { peer: '10.1.1.1', forwardedFor: '203.0.113.5, 192.0.2.1' },
      false,
    ],
    ['two trusted proxies', { peer: '10.1.1.1', forwardedFor: '9.9.9.9, 203.0.113.5, 10.2.2.2' }, true],
    ['garbage from a trusted proxy', { peer: '10.1.1.1', forwardedFor: '203.0.113.5, unknown' }, false],
    ['decimal garbage', { peer: '10.1.1.1', forwardedFor: '3405803781' }, false],
  ])('is used from %s', async (_where, sender, allowed) => {
    const restriction = { ip: ['203.0.113.5', '198.51.100.0/24', '2001:db8::/32'] };
    const { apiKey } = await harness.newKey(await harness.newAccount(), { restriction });
    const call = harness.byKey(apiKey, sender);
    if (allowed) expect(await call).toMatchObject({ kind: 'account' });
    else await expect(call).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it.each([
    ['its domain', page('https://example.com'), true],
    ['its domain at another port', page('http://example.com:8080'), true],
    ['its domain in capitals', page('https://EXAMPLE.com'), true],
    ['a page of it', page(null, 'https://example.com/a/b?c'), true],
    ['a subdomain by rule', page('https://a.b.shop.example'), true],
    ['nothing said', page(null), false],
    ['a subdomain without a rule', page('https://www.example.com'), false],
    ['the apex of a subdomain rule', page('https://shop.example'), false],
    ['a look-alike', page('https://example.com.evil.example'), false],
    ['a look-alike in front', page('https://evilexample.com'), false],
    ['a user that looks like it', page(null, 'https://example.com@evil.example/'), false],
    ['a sandboxed page', page('null', 'https://example.com/'), false],
    ['another scheme', page('file://example.com'), false],
  ])('is used on %s', async (_where, sender, allowed) => {
    const restriction = { domain: ['example.com', '*.shop.example'] };
    const { apiKey } = await harness.newKey(await harness.newAccount(), { restriction });
    const call = harness.byKey(apiKey, sender);
    if (allowed) expect(await call).toMatchObject({ kind: 'account' });
    else await expect(call).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it.each([
    [{ ip: ['203.0.113.256'] }],
    [{ ip: ['10.0.0.0/33'] }],
    [{ ip: ['example.com'] }],
    [{ ip: ['1'] }],
    [{ ip: [] }],
    [{ domain: ['https://example.com'] }],
    [{ domain: ['*'] }],
    [{ domain: ['exa mple.com'] }],
    [{ ip: ['10.0.0.1'], domain: ['example.com'] }],
  ])('cannot be made of %j', async (restriction) => {
    const created = harness.newKey(await harness.newAccount(), { restriction });
    await expect(created).rejects.toMatchObject({ code: 'INVALID_INPUT', field: 'restriction' });
  });
});

describe('who may manage', () => {
  async function owner(scopes?: ('convert' | 'read' | 'manage')[]) {
    const account = await harness.newAccount();
    const { key, apiKey } = await harness.newKey(account, scopes ? { scopes } : {});
    return { account, key, actor: (await harness.byKey(apiKey)) as Actor };
  }
  const request = { name: 'Mine', dialect: 'kiln', scopes: ['read'], restriction: {} } as const;

  it('an owner: their own account and keys', async () => {
    const { account, key, actor } = await owner();
    const made = await harness.operations.createKey(actor, request);
    expect(made.key).toMatchObject({ accountId: account._id, scopes: ['read'] });
    const { _id } = await harness.operations.renameKey(actor, made.key._id, ' Renamed ');
    const list = await harness.operations.listKeys(actor);
    expect(list.map((one) => [one._id, one.name])).toEqual([
      [_id, 'Renamed'],
      [key._id, 'Test'],
    ]);
    expect(await harness.operations.renameAccount(actor, undefined, 'New')).toMatchObject({ name: 'New' });
    await harness.operations.revokeKey(actor, _id);
    await expect(harness.byKey(made.apiKey)).rejects.toMatchObject(refused);
  });

  it('nobody else: a foreign account or key is one that does not exist', async () => {
    const { account, key } = await owner();
    const { actor } = await owner();
    const { createKey, listKeys, renameKey, rotateKey, revokeKey, findAccount, renameAccount } =
      harness.operations;
    const attempts = [
      createKey(actor, { ...request, accountId: account._id }),
      listKeys(actor, account._id),
      renameKey(actor, key._id, 'x'),
      rotateKey(actor, key._id),
      revokeKey(actor, key._id),
      findAccount(actor, account._id),
      renameAccount(actor, account._id, 'x'),
    ];
    for (const outcome of await Promise.allSettled(attempts))
      expect(outcome).toMatchObject({ status: 'rejected', reason: missing });
    expect(await harness.keys.find(key._id)).toEqual(key);
    const unknown = await findAccount(actor, 'unknown').catch((error: Error) => error.message);
    const foreign = await findAccount(actor, account._id).catch((error: Error) => error.message);
    expect(foreign).toBe(unknown);
  });

  it('no key without the scope, and none makes a stronger one', async () => {
    const weak = await owner(['convert', 'read']);
    await expect(harness.operations.createKey(weak.actor, request)).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    await expect(harness.operations.revokeKey(weak.actor, weak.key._id)).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    const manager = await owner(['manage']);
    const stronger = harness.operations.createKey(manager.actor, request);
    await expect(stronger).rejects.toMatchObject({ code: 'FORBIDDEN', field: 'scopes' });
    await harness.operations.createKey(manager.actor, { ...request, scopes: ['manage'] });
  });

  it.each<[string, Actor, string]>([
    ['nobody', { kind: 'anonymous' }, 'UNAUTHENTICATED'],
    ['a guest', { kind: 'guest', guestId: 'g' }, 'FORBIDDEN'],
  ])('not %s', async (_who, actor, code) => {
    await expect(harness.operations.createAccount(actor, { name: 'x', plan: 'pro' })).rejects.toMatchObject({
      code,
    });
    await expect(harness.operations.listAccounts(actor, { limit: 1 })).rejects.toMatchObject({ code });
    await expect(harness.operations.createKey(actor, request)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
    await expect(harness.operations.revokeKey(actor, 'x')).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('an owner’s key is no operator', async () => {
    const { account, actor } = await owner();
    const { createAccount, setAccountPlan, editPlan, listAccounts } = harness.operations;
    const attempts = [
      createAccount(actor, { name: 'x', plan: 'pro' }),
      setAccountPlan(actor, account._id, 'enterprise'),
      editPlan(actor, 'pro', { concurrency: 1000 }),
      listAccounts(actor, { limit: 1 }),
    ];
    for (const outcome of await Promise.allSettled(attempts))
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'FORBIDDEN' } });
  });
});

describe('the operator', () => {
  it('makes, lists and moves accounts', async () => {
    const { createAccount, listAccounts, setAccountPlan, findAccount } = harness.operations;
    const [first, second] = [
      await createAccount(ADMIN, { name: 'A', plan: 'free' }),
      await createAccount(ADMIN, { name: 'B', plan: 'basic' }),
    ];
    const list = await listAccounts(ADMIN, { limit: 2 });
    expect(list.map(({ _id }) => _id)).toEqual([second._id, first._id]);
    expect((await listAccounts(ADMIN, { limit: 1, before: second._id }))[0]).toEqual(first);
    await setAccountPlan(ADMIN, first._id, 'pro');
    expect(await findAccount(ADMIN, first._id)).toMatchObject({ name: 'A', plan: 'pro' });
  });

  it('is told what is wrong', async () => {
    const { createAccount, setAccountPlan, findAccount, createKey } = harness.operations;
    await expect(createAccount(ADMIN, { name: ' ', plan: 'pro' })).rejects.toMatchObject({ field: 'name' });
    await expect(createAccount(ADMIN, { name: 'x', plan: 'gold' })).rejects.toMatchObject(missing);
    await expect(createAccount(ADMIN, { name: 'x', plan: 'guest' })).rejects.toMatchObject({ field: 'plan' });
    await expect(setAccountPlan(ADMIN, 'nobody', 'pro')).rejects.toMatchObject(missing);
    await expect(findAccount(ADMIN)).rejects.toMatchObject({ field: 'accountId' });
    const noScopes = createKey(ADMIN, {
      accountId: (await harness.newAccount())._id,
      name: 'x',
      dialect: 'kiln',
      scopes: [],
      restriction: {},
    });
    await expect(noScopes).rejects.toMatchObject({ code: 'INVALID_INPUT', field: 'scopes' });
  });
});
