import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createAdminCheck } from '../../../src/secrets/admin-token.ts';
import { createKeyring } from '../../../src/secrets/keyring.ts';
import { createLinks } from '../../../src/secrets/links.ts';
import { createSessionTokens } from '../../../src/secrets/sessions.ts';
import { createTokenSigner } from '../../../src/secrets/signed-token.ts';
import { type AccessHarness, ADMIN, openAccessHarness } from '../../support/harness/access-harness.ts';
import { timings, type WrongPair, welch, withWrongLetter } from '../../support/welch.ts';

let harness: AccessHarness;

beforeAll(async () => {
  harness = await openAccessHarness();
});
afterAll(() => harness.close());

const over = { code: 'UNAUTHENTICATED' };

async function newSession(
  ...[kind = 'full', minutes = 5]: ['full' | 'read-only' | 'upload-only', number?] | []
) {
  const account = await harness.newAccount();
  const { key, apiKey } = await harness.newKey(account);
  const { token } = await harness.operations.createSession(await harness.byKey(apiKey), kind, minutes);
  return { account, key, apiKey, token };
}

describe('a session', () => {
  it.each([
    ['full', ['convert', 'read', 'manage']],
    ['read-only', ['read']],
    ['upload-only', ['upload']],
  ] as const)('that is %s may %j', async (kind, scopes) => {
    const { account, token } = await newSession(kind);
    expect(await harness.byToken(token)).toMatchObject({
      accountId: account._id,
      plan: 'pro',
      via: 'session',
      scopes,
    });
  });

  it('may no more than its key', async () => {
    const { apiKey } = await harness.newKey(await harness.newAccount(), { scopes: ['read'] });
    const caller = await harness.byKey(apiKey);
    const { token } = await harness.operations.createSession(caller, 'full', 5);
    expect(await harness.byToken(token)).toMatchObject({ scopes: ['read'] });
    await expect(harness.operations.createSession(caller, 'upload-only', 5)).rejects.toMatchObject({
      code: 'FORBIDDEN',
      field: 'kind',
    });
  });

  it('ends by itself', async () => {
    const { token } = await newSession('full', 1);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 59_000 });
    expect(await harness.byToken(token)).toMatchObject({ via: 'session' });
    vi.setSystemTime(Date.now() + 2000);
    await expect(harness.byToken(token)).rejects.toMatchObject(over);
    vi.useRealTimers();
  });

  it('ends with its key, revoked or rotated', async () => {
    const [revoked, rotated] = [await newSession(), await newSession()];
    await harness.operations.revokeKey(ADMIN, revoked.key._id);
    await harness.operations.rotateKey(ADMIN, rotated.key._id);
    await expect(harness.byToken(revoked.token)).rejects.toMatchObject(over);
    await expect(harness.byToken(rotated.token)).rejects.toMatchObject(over);
  });

  it('is minted by a key only', async () => {
    const { token } = await newSession();
    const { createSession } = harness.operations;
    for (const actor of [await harness.byToken(token), ADMIN, { kind: 'anonymous' } as const])
      await expect(createSession(actor, 'full', 5)).rejects.toMatchObject(over);
    const { apiKey } = await newSession();
    for (const minutes of [0, 721, 1.5, Number.NaN])
      await expect(createSession(await harness.byKey(apiKey), 'full', minutes)).rejects.toMatchObject({
        field: 'minutes',
      });
  });

  it('is worthless in any other place or purpose, and other tokens in its place', async () => {
    const { token } = await newSession();
    await expect(harness.byKey(token)).rejects.toMatchObject(over);
    expect(harness.links.subjectOf('guest', token)).toBeNull();
    expect(await harness.byToken(harness.links.guestToken('g'))).toEqual({ kind: 'guest', guestId: 'g' });
    const [keyId, payload = '', mac = ''] = token.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
    const forge = (changed: unknown) =>
      `${keyId}.${Buffer.from(JSON.stringify(changed)).toString('base64url')}.${mac}`;
    const forged = [
      forge([claims[0], claims[1] + 1, claims[2]]),
      forge([claims[0], claims[1], { ...claims[2], scopes: 'convert read manage admin' }]),
      `${keyId}.${payload}.`,
      `${keyId}.${payload}.${mac.slice(0, -4)}`,
      `${keyId}.${payload}.${Buffer.from(mac, 'base64url').toString('hex').toUpperCase()}`,
      `none.${payload}.${mac}`,
      `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`,
    ];
    for (const text of forged) await expect(harness.byToken(text)).rejects.toMatchObject(over);
  });
});

describe('the time that a wrong secret takes', () => {
  const SAMPLES = 100_000;
  const SUSPICIOUS = 4.5;
  const signer = createTokenSigner(createKeyring([randomBytes(32)]));
  const { issueSession, readSession } = createSessionTokens(signer);
  const { subjectOf } = createLinks(signer);
  const expiresAt = new Date(Date.now() + 1e6);
  const adminToken = randomBytes(32).toString('hex');

  const pairs = (make: (i: number) => string, firstAt: (text: string) => number): WrongPair[] =>
    Array.from({ length: 1000 }, (_, i) => {
      const text = make(i);
      // The very last letter has spare bits, so the one before it is changed.
      return [withWrongLetter(text, firstAt(text)), withWrongLetter(text, -2)];
    });
  const inSignature = (text: string) => text.lastIndexOf('.') + 1;
  const session = (i: number) =>
    issueSession({ keyId: `key ${i}`, keySince: 1, accountSince: 0, scopes: ['read'] }, expiresAt);
  const link = (i: number) => signer.issueToken('download', { subject: `file ${i}`, expiresAt });

  it.each<[string, (text: string) => unknown, WrongPair[]]>([
    ['a session', readSession, pairs(session, inSignature)],
    ['a link', (text) => subjectOf('download', text), pairs(link, inSignature)],
    [
      'the admin token',
      createAdminCheck(adminToken),
      pairs(
        () => adminToken,
        () => 0,
      ),
    ],
  ])('of %s does not tell how much of it is right', (what, check, wrong) => {
    expect(wrong.flat().some(check)).toBe(false);
    const found: number[] = [];
    // A leak shows each time that one looks, a busy machine does not.
    do found.push(welch(...timings(check, wrong, SAMPLES)));
    while (found.length < 3 && Math.abs(found.at(-1) ?? 0) >= SUSPICIOUS);
    const shown = found.map((t) => t.toFixed(2)).join(', then ');
    console.log(`${what}: Welch t = ${shown} over 2 × ${SAMPLES} samples (${SUSPICIOUS} would show)`);
    expect(Math.min(...found.map(Math.abs))).toBeLessThan(SUSPICIOUS);
  });
});
