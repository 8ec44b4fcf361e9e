import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { hashApiKey, newApiKey, newKeyPair } from '../../src/secrets/api-key.ts';

describe('an API key', () => {
  it('is a prefix and 256 random bits, found again by its hash alone', () => {
    const { apiKey, secretHash } = newApiKey('smf_live_');
    expect(apiKey).toMatch(/^smf_live_[\w-]{43}$/);
    expect(Buffer.from(apiKey.slice('smf_live_'.length), 'base64url')).toHaveLength(32);
    expect(secretHash).toBe(createHash('sha256').update(apiKey).digest('hex'));
    expect(hashApiKey(apiKey)).toBe(secretHash);
  });

  it('is unknown under another prefix or spelling', () => {
    const { apiKey, secretHash } = newApiKey('smf_live_');
    for (const other of [apiKey.replace('smf', 'oc'), `${apiKey} `, apiKey.slice(0, -1), '']) {
      expect(hashApiKey(other)).not.toBe(secretHash);
    }
  });

  it('is never made twice', () => {
    expect(new Set(Array.from({ length: 1000 }, () => newApiKey('k_').apiKey)).size).toBe(1000);
  });
});

describe('a key pair', () => {
  it('is hex, and its halves have nothing in common', () => {
    const { publicKey, secretKey } = newKeyPair();
    expect(publicKey).toMatch(/^[0-9a-f]{20}$/);
    expect(secretKey).toMatch(/^[0-9a-f]{40}$/);
    expect(secretKey).not.toContain(publicKey);
  });
});
