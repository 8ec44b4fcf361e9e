import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createKeyring } from '../../src/secrets/keyring.ts';

const hex = (keyring: ReturnType<typeof createKeyring>, purpose: 'envelope' | `token/${string}`) =>
  keyring.newest(purpose).key.export().toString('hex');

describe('a keyring', () => {
  it('gives each purpose a key of its own, none of them the master key', () => {
    const master = randomBytes(32);
    const keyring = createKeyring([master]);
    const keys = [hex(keyring, 'envelope'), hex(keyring, 'token/guest'), hex(keyring, 'token/upload')];
    expect(new Set([...keys, master.toString('hex')]).size).toBe(4);
    expect(keys.every((key) => key.length === 64)).toBe(true);
  });

  it('gives the same keys after a restart', () => {
    const master = randomBytes(32);
    const [first, second] = [createKeyring([master]), createKeyring([Buffer.from(master)])];
    expect(hex(first, 'envelope')).toBe(hex(second, 'envelope'));
    expect(first.newest('envelope').keyId).toBe(second.newest('envelope').keyId);
  });

  it('keeps deriving what it derived when the first data was sealed', () => {
    const keyring = createKeyring([Buffer.alloc(32, 7)]);
    expect(keyring.newest('envelope').keyId).toBe('2f664a64');
    expect(hex(keyring, 'envelope')).toBe('ab658f23180fda3510f7139d8e28a963f2f8f9b677eed15a592ef5ec0f280120');
  });

  it('uses the newest key and still finds the older ones, by an id that is no part of a key', () => {
    const [older, newer] = [randomBytes(32), randomBytes(32)];
    const before = createKeyring([older]);
    const after = createKeyring([newer, older]);
    const olderId = before.newest('envelope').keyId;
    expect(after.newest('envelope').keyId).not.toBe(olderId);
    expect(after.find(olderId, 'envelope')?.export().toString('hex')).toBe(hex(before, 'envelope'));
    expect(createKeyring([newer]).find(olderId, 'envelope')).toBeUndefined();
    expect(olderId).toMatch(/^[0-9a-f]{8}$/);
    expect(older.toString('hex')).not.toContain(olderId);
  });

  it.each([
    ['none', []],
    ['a short one', [Buffer.alloc(31)]],
    ['a long one behind a good one', [Buffer.alloc(32), Buffer.alloc(33)]],
  ])('refuses master keys when there is %s', (_kind, keys) => {
    expect(() => createKeyring(keys)).toThrow('32 bytes');
  });
});
