import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { KilnError } from '../domain/errors.ts';
import { decodeBase64url } from './base64url.ts';
import type { Keyring } from './keyring.ts';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** The one field of one document where an envelope may be opened; it cannot be opened anywhere else. */
export interface EnvelopeBinding {
  collection: string;
  id: string;
  field: string;
}

/** Seals secrets for storage; an envelope reads `<key id>.<nonce, ciphertext and tag>`. */
export interface EnvelopeSealer {
  seal(plain: string, binding: EnvelopeBinding): string;
  /** Returns the secret. @throws KilnError INTERNAL if it was altered, moved, or sealed by a key that is gone. */
  open(envelope: string, binding: EnvelopeBinding): string;
  /** Returns the id of the master key that it was sealed under. */
  keyIdOf(envelope: string): string;
}

/** Seals with AES-256-GCM under the keyring's newest key; opens under any of them. */
export function createEnvelopeSealer(keyring: Keyring): EnvelopeSealer {
  return {
    seal(plain, binding) {
      const { keyId, key } = keyring.newest('envelope');
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(boundTo(binding));
      const sealed = [nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()];
      return `${keyId}.${Buffer.concat(sealed).toString('base64url')}`;
    },

    open(envelope, binding) {
      const [keyId = '', body = '', ...rest] = envelope.split('.');
      const key = keyring.find(keyId, 'envelope');
      const bytes = decodeBase64url(body);
      if (!key || !bytes || rest.length > 0 || bytes.length < NONCE_BYTES + TAG_BYTES) throw cannotOpen();
      const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(boundTo(binding));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      try {
        const plain = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
        return Buffer.concat([plain, decipher.final()]).toString('utf8');
      } catch (cause) {
        throw cannotOpen(cause);
      }
    },

    keyIdOf: (envelope) => envelope.split('.', 1)[0] ?? '',
  };
}

/** Encodes the place as JSON, which keeps ("a", "bc") and ("ab", "c") apart; joining would not. */
function boundTo({ collection, id, field }: EnvelopeBinding): Buffer {
  return Buffer.from(JSON.stringify([collection, id, field]));
}

function cannotOpen(cause?: unknown): KilnError {
  return new KilnError('INTERNAL', 'A stored secret cannot be opened.', { cause });
}
