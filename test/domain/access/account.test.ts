import { describe, expect, it } from 'vitest';
import {
  type Actor,
  includesScope,
  requireName,
  requireScope,
  type Scope,
  seesResults,
  shownPrefix,
} from '../../../src/domain/access/account.ts';
import { isSubject, loginKey, subjectOfLogin } from '../../../src/domain/access/login.ts';
import { accountSince, requireSessionMinutes, sessionScopes } from '../../../src/domain/access/session.ts';
import { anAccountCaller } from '../../support/records.ts';

const withScopes = (...scopes: Scope[]) => anAccountCaller({ scopes });

describe('scopes', () => {
  it('let pass who has one of them', () => {
    requireScope(withScopes('read'), 'convert', 'read');
    expect(() => requireScope(withScopes('read'), 'manage', 'convert')).toThrow(
      expect.objectContaining({
        code: 'FORBIDDEN',
        message: 'This credential does not have the scope "manage" or "convert".',
      }),
    );
    expect(() => requireScope(withScopes(), 'read')).toThrow(/"read"/);
  });

  it('are nothing that a guest needs', () => {
    requireScope({ kind: 'guest', guestId: 'g' }, 'manage');
    requireScope({ kind: 'anonymous' }, 'manage');
  });

  it('to convert are those to upload as well, and not the other way round', () => {
    expect(includesScope(['convert'], 'upload')).toBe(true);
    expect(includesScope(['upload'], 'convert')).toBe(false);
    expect(includesScope(['read', 'manage'], 'upload')).toBe(false);
    expect(includesScope(['upload'], 'upload')).toBe(true);
    expect(includesScope(['convert'], 'read')).toBe(false);
  });

  it.each<[Actor, boolean]>([
    [withScopes('read'), true],
    [withScopes('convert'), true],
    [withScopes('manage'), false],
    [withScopes('upload'), false],
    [{ kind: 'guest', guestId: 'g' }, true],
    [{ kind: 'admin' }, true],
  ])('show the results to %j: %s', (actor, sees) => {
    expect(seesResults(actor)).toBe(sees);
  });
});

describe('names', () => {
  it('have 1 to 80 characters, not counting spaces around them', () => {
    expect(requireName('  First key ')).toBe('First key');
    expect(requireName('x'.repeat(80))).toHaveLength(80);
    for (const wrong of ['', '   ', 'x'.repeat(81)])
      expect(() => requireName(wrong)).toThrow(
        expect.objectContaining({ code: 'INVALID_INPUT', field: 'name' }),
      );
  });

  it('of keys are their prefix and four characters', () => {
    expect(shownPrefix('kiln_live_abcdefgh')).toBe('kiln_live_abcd');
    expect(shownPrefix('smf_live_xyz12345')).toBe('smf_live_xyz1');
  });
});

describe('sessions', () => {
  it('do what their kind and the credential behind them both allow', () => {
    expect(sessionScopes('full', ['convert', 'read'])).toEqual(['convert', 'read']);
    expect(sessionScopes('read-only', ['convert', 'read'])).toEqual(['read']);
    expect(sessionScopes('upload-only', ['convert'])).toEqual(['upload']);
    expect(() => sessionScopes('read-only', ['manage'])).toThrow(
      expect.objectContaining({ code: 'FORBIDDEN', field: 'kind' }),
    );
  });

  it.each([
    ['key', 1, true],
    ['key', 720, true],
    ['key', 721, false],
    ['login', 60, true],
    ['login', 61, false],
    ['key', 0, false],
    ['key', 1.5, false],
    ['key', Number.NaN, false],
  ] as const)('from a %s may last %d minutes: %s', (via, minutes, allowed) => {
    if (allowed) expect(requireSessionMinutes(minutes, via)).toBe(minutes);
    else
      expect(() => requireSessionMinutes(minutes, via)).toThrow(
        expect.objectContaining({ code: 'INVALID_INPUT', field: 'minutes' }),
      );
  });

  it('name the moment since which sessions count', () => {
    expect(accountSince({})).toBe(0);
    expect(accountSince({ sessionsSince: new Date(42) })).toBe(42);
  });
});

describe('logins', () => {
  it('are one text per person, from which the person can be read again', () => {
    const key = loginKey({ issuer: 'https://login.example', subject: 'a b' });
    expect(key).toBe('https://login.example a b');
    expect(subjectOfLogin(key)).toBe('a b');
  });

  it.each([
    ['x', true],
    ['x'.repeat(255), true],
    ['x'.repeat(256), false],
    ['', false],
    [5, false],
    [null, false],
  ])('by the subject %j: %s', (subject, is) => {
    expect(isSubject(subject)).toBe(is);
  });
});
