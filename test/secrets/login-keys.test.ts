import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Account } from '../../src/domain/access/account.ts';
import { type LoginHarness, openLoginHarness } from '../support/harness/login-harness.ts';
import type { LoginServer } from '../support/servers/login-server.ts';

const MINUTE = 60_000;
const over = { code: 'UNAUTHENTICATED' };
const away = { code: 'UNAVAILABLE' };

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

describe('the keys of the login server', () => {
  it('are fetched once for many, and again for one that is new', async () => {
    const process = await harness.freshProcess();
    const before = server.count('/keys');
    const token = await server.token({ claims: named() });
    await Promise.all(Array.from({ length: 50 }, () => process.ask(token)));
    expect(server.count('/keys') - before).toBe(1);
    await process.close();
  });

  it('may rotate: a new one is found as soon as it signs, the old one counts while it is published', async () => {
    const clock = { at: Date.now() };
    const process = await harness.freshProcess(() => clock.at);
    const [old, key] = [await server.token({ claims: named() }), await server.newKey('ES256')];
    await process.ask(old);
    server.publish(server.key, key);
    const token = await server.token({ key, claims: named() });
    // Within the cool-down of the last fetch it is not found yet.
    await expect(process.ask(token)).rejects.toMatchObject(over);
    clock.at += 30_000;
    expect(await process.ask(token)).toMatchObject({ via: 'login' });
    expect(await process.ask(old)).toMatchObject({ via: 'login' });
    server.publish(key);
    clock.at += 4 * MINUTE;
    expect(await process.ask(old)).toMatchObject({ via: 'login' });
    await process.close();
  });

  it('that are withdrawn stop working after ten minutes', async () => {
    const clock = { at: Date.now() };
    const process = await harness.freshProcess(() => clock.at);
    const token = await server.token({ claims: named(), expiresIn: 3600 });
    await process.ask(token);
    server.publish(await server.newKey('RS256'));
    clock.at += 10 * MINUTE + 1;
    await expect(process.ask(token)).rejects.toMatchObject(over);
    await process.close();
  });

  it('are not asked for by strangers who invent key ids', async () => {
    const process = await harness.freshProcess();
    await process.ask(await server.token({ claims: named() }));
    const before = server.count('/keys');
    const forged = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        server.token({ header: { kid: `invented-${i}` }, claims: named() }),
      ),
    );
    const outcomes = await Promise.allSettled(forged.map((token) => process.ask(token)));
    for (const outcome of outcomes) expect(outcome).toMatchObject({ status: 'rejected', reason: over });
    console.log(`200 invented key ids: ${server.count('/keys') - before} requests to the login server`);
    expect(server.count('/keys') - before).toBe(0);
    await process.close();
  });
});

describe('a login server that is away', () => {
  it('makes logins unavailable, not invalid, and is asked again after five seconds', async () => {
    const clock = { at: Date.now() };
    const process = await harness.freshProcess(() => clock.at);
    const token = await server.token({ claims: named() });
    server.fail('refuses');
    const before = server.count('/.well-known/openid-configuration');
    for (let i = 0; i < 20; i += 1) await expect(process.ask(token)).rejects.toMatchObject(away);
    expect(server.count('/.well-known/openid-configuration') - before).toBe(1);
    server.fail(null);
    clock.at += 5000;
    expect(await process.ask(token)).toMatchObject({ via: 'login' });
    await process.close();
  });

  it('is believed by its last keys for an hour; a new key is then nobody’s fault', async () => {
    const clock = { at: Date.now() };
    const process = await harness.freshProcess(() => clock.at);
    const token = await server.token({ claims: named(), expiresIn: 7200 });
    await process.ask(token);
    server.fail('refuses');
    clock.at += 30 * MINUTE;
    expect(await process.ask(token)).toMatchObject({ via: 'login' });
    const key = await server.newKey('RS256');
    await expect(
      process.ask(await server.token({ key, claims: named(), expiresIn: 7200 })),
    ).rejects.toMatchObject(away);
    clock.at += 30 * MINUTE + 1;
    await expect(process.ask(token)).rejects.toMatchObject(away);
    await process.close();
  });

  it.each<[string, Partial<LoginServer['oidc']>]>([
    ['that speaks for somebody else', {}],
    ['whose keys are nowhere', { jwksUrl: 'http://127.0.0.1:9/keys' }],
    ['whose keys the guard does not reach', { jwksUrl: 'http://169.254.169.254/keys' }],
    ['whose issuer the guard does not reach', { issuer: 'http://10.0.0.1' }],
  ])('is no better than one %s', async (what, oidc) => {
    if (what === 'that speaks for somebody else') server.fail('lies');
    const process = await harness.freshProcess(Date.now, oidc);
    await expect(process.ask(await server.token({ claims: named() }))).rejects.toMatchObject(away);
    await process.close();
  });

  it('may be told where the keys are, and under which claim the account is', async () => {
    const before = server.count('/.well-known/openid-configuration');
    const process = await harness.freshProcess(Date.now, {
      jwksUrl: `${server.issuer}/keys`,
      accountClaim: 'https://kiln/a',
    });
    const token = await server.token({ claims: { 'https://kiln/a': account._id } });
    expect(await process.ask(token)).toMatchObject({ accountId: account._id });
    expect(server.count('/.well-known/openid-configuration')).toBe(before);
    await process.close();
  });
});
