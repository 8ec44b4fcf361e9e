import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createKeyring } from '../../src/secrets/keyring.ts';
import { createTokenSigner, type TokenPurpose } from '../../src/secrets/signed-token.ts';

const [older, newer] = [randomBytes(32), randomBytes(32)];
const signer = createTokenSigner(createKeyring([newer, older]));
const now = new Date('2026-11-23T12:00:00Z');
const expiresAt = new Date(now.getTime() + 60_000);
const grant = { subject: 'job-1', expiresAt, claims: { name: 'Größe.png', size: 12, once: true } };

describe('a signed token', () => {
  it('gives back what was granted, and fits into a URL as it is', () => {
    const token = signer.issueToken('download', grant);
    expect(token).toMatch(/^[0-9a-f]{8}\.[\w-]+\.[\w-]{43}$/);
    expect(encodeURIComponent(token)).toBe(token);
    expect(signer.readToken('download', token, now)).toEqual(grant);
    const plain = signer.issueToken('guest', { subject: 'job-2', expiresAt });
    expect(signer.readToken('guest', plain, now)).toEqual({ subject: 'job-2', expiresAt, claims: {} });
  });

  it('is worthless for any other purpose', () => {
    const purposes: TokenPurpose[] = ['job-status', 'guest', 'upload', 'complete', 'download'];
    for (const issued of purposes) {
      const token = signer.issueToken(issued, grant);
      for (const read of purposes) {
        expect(signer.readToken(read, token, now) !== 'invalid').toBe(read === issued);
      }
    }
  });

  it('expires on the dot', () => {
    const token = signer.issueToken('upload', grant);
    expect(signer.readToken('upload', token, new Date(expiresAt.getTime() - 1))).toEqual(grant);
    expect(signer.readToken('upload', token, expiresAt)).toBe('expired');
  });

  it('is invalid, not expired, when it is a forgery past its time', () => {
    const token = signer.issueToken('upload', grant);
    expect(signer.readToken('upload', `${token.slice(0, -1)}!`, expiresAt)).toBe('invalid');
  });

  it('is invalid in every spelling but its own', () => {
    const token = signer.issueToken('upload', grant);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/';
    for (let i = 0; i < token.length; i += 1) {
      const shorter = token.slice(0, i) + token.slice(i + 1);
      expect(signer.readToken('upload', shorter, now)).toBe('invalid');
      for (const other of alphabet.replace(token.charAt(i), '')) {
        const altered = token.slice(0, i) + other + token.slice(i + 1);
        expect([altered, signer.readToken('upload', altered, now)]).toEqual([altered, 'invalid']);
      }
    }
    for (const altered of [
      `${token}=`,
      `${token}.`,
      `${token}A`,
      ` ${token}`,
      `${token}\n`,
      token.toUpperCase(),
    ]) {
      expect(signer.readToken('upload', altered, now)).toBe('invalid');
    }
  });

  it.each(['', '.', '..', '...', 'a.b.c', 'null', '🔥.🔥.🔥'])('%j is no token', (text) => {
    expect(signer.readToken('upload', text, now)).toBe('invalid');
  });

  it('is read under a key that was replaced, not under one that is gone', () => {
    const before = createTokenSigner(createKeyring([older]));
    const token = before.issueToken('guest', grant);
    expect(signer.readToken('guest', token, now)).toEqual(grant);
    expect(createTokenSigner(createKeyring([newer])).readToken('guest', token, now)).toBe('invalid');
    expect(before.readToken('guest', signer.issueToken('guest', grant), now)).toBe('invalid');
  });
});
