import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import { decodeBase64url } from './base64url.ts';
import type { Keyring } from './keyring.ts';

/** What a token is for; a token of one purpose is invalid for every other. */
export type TokenPurpose = 'job-status' | 'guest' | 'session' | 'upload' | 'complete' | 'download';

/** What a token says besides its subject. It is signed, not encrypted. */
type TokenClaims = Readonly<Record<string, string | number | boolean>>;

/** What is signed into a token. */
interface TokenGrant {
  /** The id of what the token is for. */
  subject: string;
  expiresAt: Date;
  claims?: TokenClaims;
}

/** Issues and reads url-safe tokens of the form `<key id>.<payload>.<mac>`. */
export interface TokenSigner {
  issueToken(purpose: TokenPurpose, grant: TokenGrant): string;
  /** Reads a token. Returns `expired` only for a token that Kiln signed. */
  readToken(purpose: TokenPurpose, token: string, now: Date): Required<TokenGrant> | 'expired' | 'invalid';
}

type Payload = [subject: string, expiresAtMs: number, claims: TokenClaims];

/** Signs with HMAC-SHA256 under the keyring's newest key; reads what any of its keys signed. */
export function createTokenSigner(keyring: Keyring): TokenSigner {
  return {
    issueToken(purpose, { subject, expiresAt, claims = {} }) {
      const { keyId, key } = keyring.newest(`token/${purpose}`);
      const payload: Payload = [subject, expiresAt.getTime(), claims];
      const signed = `${keyId}.${Buffer.from(JSON.stringify(payload)).toString('base64url')}`;
      return `${signed}.${mac(key, signed).toString('base64url')}`;
    },

    readToken(purpose, token, now) {
      const [keyId = '', encoded = '', signature = '', ...rest] = token.split('.');
      const key = keyring.find(keyId, `token/${purpose}`);
      const given = decodeBase64url(signature);
      if (!key || !given || rest.length > 0) return 'invalid';
      if (!isSame(mac(key, `${keyId}.${encoded}`), given)) return 'invalid';
      // Trusts the shape: by the mac, only issueToken can have written this payload.
      const [subject, expiresAtMs, claims]: Payload = JSON.parse(
        Buffer.from(encoded, 'base64url').toString(),
      );
      if (now.getTime() >= expiresAtMs) return 'expired';
      return { subject, expiresAt: new Date(expiresAtMs), claims };
    },
  };
}

function mac(key: KeyObject, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function isSame(expected: Buffer, given: Buffer): boolean {
  return expected.length === given.length && timingSafeEqual(expected, given);
}
