import { createHash, randomBytes } from 'node:crypto';

const SECRET_BYTES = 32;
const PUBLIC_KEY_BYTES = 10;
const SECRET_KEY_BYTES = 20;

/** A new API key: `apiKey` is shown once, only `secretHash` is stored. */
interface NewApiKey {
  apiKey: string;
  secretHash: string;
}

/** A public and a secret key for dialects whose callers sign their requests. */
interface KeyPair {
  publicKey: string;
  secretKey: string;
}

/** Makes an API key of 256 random bits behind a prefix such as `smf_live_`. */
export function newApiKey(prefix: string): NewApiKey {
  const apiKey = prefix + randomBytes(SECRET_BYTES).toString('base64url');
  return { apiKey, secretHash: hashApiKey(apiKey) };
}

/**
 * Returns the SHA-256 in lower-case hex under which a key is stored and found. The prefix is part of it, so a key
 * with another prefix is unknown. A slow hash would add nothing: nobody guesses 256 random bits.
 */
export function hashApiKey(apiKey: string): string {
  return createHash('sha256').update(apiKey).digest('hex');
}

/** Makes a key pair in lower-case hex. */
export function newKeyPair(): KeyPair {
  return {
    publicKey: randomBytes(PUBLIC_KEY_BYTES).toString('hex'),
    secretKey: randomBytes(SECRET_KEY_BYTES).toString('hex'),
  };
}
