import { createHmac } from 'node:crypto';
import { SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Account } from '../../../src/domain/access/account.ts';
import { ADMIN, openAccessHarness } from '../../support/harness/access-harness.ts';
import { type LoginHarness, openLoginHarness } from '../../support/harness/login-harness.ts';
import type { LoginServer } from '../../support/servers/login-server.ts';

const over = { code: 'UNAUTHENTICATED' };

let harness: LoginHarness;
let server: LoginServer;
let account: Account;

beforeAll(async () => {
  harness = await openLoginHarness();
  server = harness.server;
});
beforeEach(async () => {
  account = await harness.newAccount();
  server.fail(null);
  server.publish(server.key);
});
afterAll(() => harness.close());

const named = () => harness.named(account);

describe('a login', () => {
  it('is the account that its token names, with everything that the owner may', async () => {
    expect(await harness.byLogin(await server.token({ claims: named() }))).toEqual({
      kind: 'account',
      accountId: account._id,
      plan: 'pro',
      keyId: null,
      via: 'login',
      scopes: ['convert', 'read', 'manage'],
    });
  });

  it('is the account that the operator has linked, until that ends', async () => {
    const token = await server.token({ claims: { sub: `person-${account._id}` } });
    await expect(harness.byLogin(token)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const { oidcSubject } = await harness.operations.linkAccount(ADMIN, account._id, `person-${account._id}`);
    expect(oidcSubject).toBe(`${server.issuer} person-${account._id}`);
    expect(await harness.byLogin(token)).toMatchObject({ accountId: account._id });
    const other = await harness.newAccount();
    await expect(
      harness.operations.linkAccount(ADMIN, other._id, `person-${account._id}`),
    ).rejects.toMatchObject({ code: 'WRONG_STATE', field: 'subject' });
    const session = await harness.operations.createSession(await harness.byLogin(token), 'full', 5);
    await harness.operations.linkAccount(ADMIN, account._id, `person-${account._id}`);
    expect(await harness.byToken(session.token)).toMatchObject({ accountId: account._id });
    await harness.operations.linkAccount(ADMIN, account._id, null);
    await expect(harness.byToken(session.token)).rejects.toMatchObject(over);
    await expect(harness.byLogin(token)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    await harness.operations.linkAccount(ADMIN, other._id, `person-${account._id}`);
    expect(await harness.byLogin(token)).toMatchObject({ accountId: other._id });
  });

  it('of nobody we know is told the same as one that names an unknown account', async () => {
    const errorOf = async (token: string) => harness.byLogin(token).catch((error: Error) => error);
    const [stranger, invention] = [
      await errorOf(await server.token({ claims: { sub: 'stranger' } })),
      await errorOf(await server.token({ claims: { kiln_account: 'no-such-account' } })),
    ];
    expect(stranger).toMatchObject({ code: 'FORBIDDEN', message: 'This login belongs to no account.' });
    expect(invention).toEqual(stranger);
  });

  it.each(['RS256', 'PS256', 'ES256', 'EdDSA'])('may be signed by %s', async (alg) => {
    const key = await server.newKey(alg);
    server.publish(key);
    const process = await harness.freshProcess();
    expect(await process.ask(await server.token({ key, claims: named() }))).toMatchObject({
      via: 'login',
    });
    await process.close();
  });

  it('is linked by the operator only, to a person that can be', async () => {
    const owner = await harness.byLogin(await server.token({ claims: named() }));
    const { linkAccount } = harness.operations;
    await expect(linkAccount(owner, account._id, 'ada')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    for (const subject of ['', 'x'.repeat(256)])
      await expect(linkAccount(ADMIN, account._id, subject)).rejects.toMatchObject({ field: 'subject' });
    await expect(linkAccount(ADMIN, 'nobody', 'x')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const without = await openAccessHarness();
    await expect(without.operations.linkAccount(ADMIN, 'x', 'y')).rejects.toMatchObject({
      code: 'WRONG_STATE',
    });
    await expect(without.byLogin(await server.token({ claims: named() }))).rejects.toMatchObject(over);
    await without.close();
  });
});

describe('a token is no login', () => {
  const seconds = Math.floor(Date.now() / 1000);

  it.each<[string, Parameters<LoginServer['token']>[0]]>([
    ['for somebody else', { claims: { aud: 'another-service' } }],
    ['for nobody', { claims: { aud: undefined } }],
    ['of another issuer', { claims: { iss: 'https://login.evil.example' } }],
    ['of an issuer that looks alike', { claims: { iss: 'http://127.0.0.1' } }],
    ['that has expired', { issuedIn: -600, expiresIn: -31 }],
    ['that never expires', { claims: { exp: undefined } }],
    ['that is not valid yet', { claims: { nbf: seconds + 90 } }],
    ['from the future', { issuedIn: 120 }],
    ['without a date', { claims: { iat: undefined } }],
    ['without a person', { claims: { sub: undefined } }],
    ['of an empty person', { claims: { sub: '' } }],
    ['that names no text as account', { claims: { kiln_account: { $ne: null } } }],
    ['of a logout', { header: { typ: 'logout+jwt' } }],
    ['that is bound to a key', { claims: { cnf: { jkt: 'x' } } }],
    ['with an unknown key', { header: { kid: 'unknown' } }],
  ])('%s', async (_what, request = {}) => {
    const token = await server
      .token({ ...request, claims: { ...named(), ...request.claims } })
      .catch(() => 'eyJ.eyJ.x');
    await expect(harness.byLogin(token)).rejects.toMatchObject({
      ...over,
      message: 'The token is not valid or has expired.',
    });
  });

  it('within half a minute of leeway it is', async () => {
    for (const request of [
      { issuedIn: -600, expiresIn: -20 },
      { issuedIn: 20 },
      { claims: { nbf: seconds + 20 } },
    ])
      expect(
        await harness.byLogin(await server.token({ ...request, claims: { ...named(), ...request.claims } })),
      ).toMatchObject({
        via: 'login',
      });
  });

  it('signed by a shared secret, by the public key as one, or by nothing', async () => {
    const good = await server.token({ claims: named() });
    const [head = '', body = '', mac = ''] = good.split('.');
    const payload = JSON.parse(Buffer.from(body, 'base64url').toString());
    const { kid } = server.key;
    const publicKey = Buffer.from(await server.publicText());
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const none = { alg: 'none', kid };
    const forged = [
      await new SignJWT(payload).setProtectedHeader({ alg: 'HS256', kid }).sign(publicKey),
      await new SignJWT(payload).setProtectedHeader({ alg: 'HS256', kid }).sign(Buffer.alloc(32)),
      // By hand, since no library would.
      `${encode({ alg: 'RS256', kid })}.${body}.${createHmac('sha256', publicKey)
        .update(`${encode({ alg: 'RS256', kid })}.${body}`)
        .digest('base64url')}`,
      new UnsecuredJWT(payload).encode(),
      `${encode(none)}.${body}.`,
      `${encode({ ...none, alg: 'None' })}.${body}.${mac}`,
      `${head}.${encode({ ...payload, kiln_account: 'other' })}.${mac}`,
      `${head}.${body}.${mac.slice(0, -8)}`,
      `${head}.${body}.`,
      'eyJ.eyJ.eyJ',
      'eyJ..',
    ];
    for (const token of forged) await expect(harness.byLogin(token)).rejects.toMatchObject(over);
    expect(await harness.byLogin(good)).toMatchObject({ via: 'login' });
  });

  it('that brings its own key along', async () => {
    const stranger = await server.newKey('RS256');
    const jwk = await crypto.subtle.exportKey('jwk', stranger.publicKey);
    const claims = named();
    for (const header of [{ jwk }, { jku: `${server.issuer}/keys` }, { kid: server.key.kid, jwk }])
      await expect(
        harness.byLogin(await server.token({ key: stranger, claims, header })),
      ).rejects.toMatchObject(over);
  });
});

describe('a session from a login', () => {
  const mint = async (minutes = 5, kind: 'full' | 'read-only' = 'full') =>
    harness.operations.createSession(
      await harness.byLogin(await server.token({ claims: named() })),
      kind,
      minutes,
    );

  it('is the account without the login server, for an hour at most', async () => {
    const { token } = await mint(60, 'read-only');
    server.fail('refuses');
    expect(await harness.byToken(token)).toEqual({
      kind: 'account',
      accountId: account._id,
      plan: 'pro',
      keyId: null,
      via: 'session',
      scopes: ['read'],
    });
    server.fail(null);
    await expect(mint(61)).rejects.toMatchObject({ code: 'INVALID_INPUT', field: 'minutes' });
    await expect(
      harness.operations.createSession(await harness.byToken(token), 'full', 5),
    ).rejects.toMatchObject(over);
  });

  it('ends with all others of the account, those of keys included; keys go on', async () => {
    const [{ token }, login] = [await mint(), await server.token({ claims: named(), issuedIn: -1 })];
    const { apiKey } = await harness.newKey(account);
    const ofKey = await harness.operations.createSession(await harness.byKey(apiKey), 'full', 5);
    await harness.operations.endSessions(await harness.byToken(token), undefined);
    const refusal = { ...over, message: 'The session is over: all sessions of the account were ended.' };
    await expect(harness.byToken(token)).rejects.toMatchObject(refusal);
    await expect(harness.byToken(ofKey.token)).rejects.toMatchObject(refusal);
    await expect(harness.byLogin(login)).rejects.toMatchObject(refusal);
    expect(await harness.byKey(apiKey)).toMatchObject({ via: 'key' });
    expect(await harness.byLogin(await server.token({ claims: named(), issuedIn: 1 }))).toMatchObject({
      via: 'login',
    });
    const again = await harness.operations.createSession(await harness.byKey(apiKey), 'full', 5);
    expect(await harness.byToken(again.token)).toMatchObject({ via: 'session' });
  });

  it('is ended by its owner or the operator, and nobody else', async () => {
    const { token } = await mint();
    const other = await harness.newAccount();
    const { apiKey } = await harness.newKey(other);
    const { endSessions } = harness.operations;
    await expect(endSessions(await harness.byKey(apiKey), account._id)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    const reader = await harness.byToken((await mint(5, 'read-only')).token);
    await expect(endSessions(reader, undefined)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(await harness.byToken(token)).toMatchObject({ via: 'session' });
    await endSessions(ADMIN, account._id);
    await expect(harness.byToken(token)).rejects.toMatchObject(over);
  });
});
