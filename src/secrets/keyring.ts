import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { KilnError } from '../domain/errors.ts';

/** Bytes of a master key. */
export const MASTER_KEY_BYTES = 32;
const SUBKEY_BYTES = 32;
const KEY_ID_BYTES = 4;

/** What a subkey is for; no two purposes share one. */
type KeyPurpose = 'envelope' | `token/${string}`;

/** The master keys of this installation, of which only subkeys are given out. */
export interface Keyring {
  /** The ids of all master keys, newest first. */
  keyIds: readonly string[];
  /** Returns the subkey that signs and seals, and the id that tokens and envelopes carry. */
  newest(purpose: KeyPurpose): { keyId: string; key: KeyObject };
  /** Returns a subkey by id; undefined if no master key has this id (any more). */
  find(keyId: string, purpose: KeyPurpose): KeyObject | undefined;
}

/** Builds the ring from the master keys, newest first: the first one signs and seals, all verify and open. */
export function createKeyring(masterKeys: readonly Uint8Array[]): Keyring {
  const [newest] = masterKeys;
  if (!newest || masterKeys.some((key) => key.length !== MASTER_KEY_BYTES)) {
    throw new KilnError('INVALID_INPUT', `Each master key must be ${MASTER_KEY_BYTES} bytes long.`);
  }
  const newestId = keyIdOf(newest);
  const newestMaster = createSecretKey(newest);
  const masters = new Map(masterKeys.map((key) => [keyIdOf(key), createSecretKey(key)]));
  const subkeys = new Map<string, KeyObject>();

  const subkey = (keyId: string, master: KeyObject, purpose: KeyPurpose) => {
    const name = `${keyId}/${purpose}`;
    const key = subkeys.get(name) ?? createSecretKey(derive(master, purpose, SUBKEY_BYTES));
    subkeys.set(name, key);
    return key;
  };

  return {
    keyIds: [...masters.keys()],
    newest: (purpose) => ({ keyId: newestId, key: subkey(newestId, newestMaster, purpose) }),
    find: (keyId, purpose) => {
      const master = masters.get(keyId);
      return master && subkey(keyId, master, purpose);
    },
  };
}

/** Returns the id of a master key. It is derived like a subkey, so it may be public. */
export function keyIdOf(masterKey: Uint8Array): string {
  return derive(createSecretKey(masterKey), 'key-id', KEY_ID_BYTES).toString('hex');
}

function derive(master: KeyObject, purpose: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', master, '', `kiln/v1/${purpose}`, bytes));
}
