import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createEnvelopeSealer, type EnvelopeBinding } from '../../src/secrets/envelope.ts';
import { createKeyring } from '../../src/secrets/keyring.ts';

const [older, newer] = [randomBytes(32), randomBytes(32)];
const sealer = createEnvelopeSealer(createKeyring([newer, older]));
const binding: EnvelopeBinding = { collection: 'endpoints', id: 'e1', field: 'secret' };
const CANNOT = expect.objectContaining({ code: 'INTERNAL', message: 'A stored secret cannot be opened.' });

function failureOf(envelope: string, at = binding): unknown {
  try {
    return `opened: ${sealer.open(envelope, at)}`;
  } catch (error) {
    return error;
  }
}

describe('an envelope', () => {
  it.each(['whsec_abc', '', 'пароль 🔑', 'x'.repeat(10_000)])('gives back what was sealed (%#)', (plain) => {
    const envelope = sealer.seal(plain, binding);
    expect(envelope).toMatch(/^[0-9a-f]{8}\.[\w-]+$/);
    expect(sealer.open(envelope, { ...binding })).toBe(plain);
  });

  it('shows nothing, not even that two secrets are the same', () => {
    const [first, second] = [sealer.seal('hunter2', binding), sealer.seal('hunter2', binding)];
    expect(first).not.toBe(second);
    expect(Buffer.from(first, 'base64url').toString('latin1')).not.toContain('hunter2');
  });

  it('stays shut in any other place', () => {
    const envelope = sealer.seal('hunter2', { collection: 'a', id: 'bc', field: 'd' });
    for (const moved of [
      { collection: 'ab', id: 'c', field: 'd' },
      { collection: 'a', id: 'b', field: 'cd' },
      { collection: 'a', id: 'bc', field: 'e' },
      { collection: 'a","bc', id: '', field: 'd' },
    ]) {
      expect(failureOf(envelope, moved)).toEqual(CANNOT);
    }
  });

  it('stays shut when any character of it is changed, dropped or added', () => {
    const envelope = sealer.seal('hunter2', binding);
    for (let i = 0; i < envelope.length; i += 1) {
      const other = envelope[i] === 'A' ? 'B' : 'A';
      expect(failureOf(envelope.slice(0, i) + other + envelope.slice(i + 1))).toEqual(CANNOT);
      expect(failureOf(envelope.slice(0, i) + envelope.slice(i + 1))).toEqual(CANNOT);
    }
    for (const altered of [
      `${envelope}=`,
      `${envelope}.`,
      ` ${envelope}`,
      envelope.toUpperCase(),
      '',
      '.',
      'a.b',
    ]) {
      expect(failureOf(altered)).toEqual(CANNOT);
    }
  });

  it('opens under a key that was replaced, not under one that is gone', () => {
    const before = createEnvelopeSealer(createKeyring([older]));
    const envelope = before.seal('hunter2', binding);
    expect(sealer.open(envelope, binding)).toBe('hunter2');
    const after = createEnvelopeSealer(createKeyring([newer]));
    expect(() => after.open(envelope, binding)).toThrow('A stored secret cannot be opened.');
  });
});
