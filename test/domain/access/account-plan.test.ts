import { describe, expect, it } from 'vitest';
import type { Caller } from '../../../src/domain/access/account.ts';
import {
  type AccountPlan,
  accessRefusal,
  DEFAULT_PLANS,
  parsePlanChanges,
  planIdOf,
  planRefusals,
  refuse,
} from '../../../src/domain/access/account-plan.ts';
import { anAccountCaller } from '../../support/records.ts';

const GUEST: Caller = { kind: 'guest', guestId: 'g' };
const MB = 2 ** 20;

function plan(id: string): AccountPlan {
  const found = DEFAULT_PLANS.get(id);
  if (!found) throw new Error(`There is no plan ${id}.`);
  return found;
}

describe('the plans', () => {
  it('are these, from the smallest to the largest', () => {
    const rows = [...DEFAULT_PLANS.values()].map((one) => [
      one._id,
      one.callsPerMinute,
      one.callsPerDay,
      one.concurrency,
      one.fileBytes === null ? null : one.fileBytes / MB,
      one.mediaCredits,
    ]);
    expect(rows).toEqual([
      ['guest', 60, 1000, 1, 100, 0],
      ['free', 60, 1000, 1, 250, 0],
      ['basic', 60, 2000, 2, 1024, 60],
      ['pro', null, null, 10, null, 600],
      ['enterprise', null, null, 50, null, 6000],
    ]);
  });

  it('are the guest plan for whoever has no account', () => {
    expect(planIdOf(anAccountCaller({ plan: 'basic' }))).toBe('basic');
    expect(planIdOf(GUEST)).toBe('guest');
    expect(planIdOf({ kind: 'anonymous' })).toBe('guest');
  });
});

describe('access by a key', () => {
  const key = anAccountCaller();
  const rule = (id: string, caller: Caller, api: 'graphql' | 'swapmyfile') =>
    accessRefusal(plan(id), { caller, api })?.rule ?? null;

  it('is what a plan includes, for each API', () => {
    expect(['free', 'basic', 'pro'].map((id) => rule(id, key, 'graphql'))).toEqual([
      'API_ACCESS',
      null,
      null,
    ]);
    expect(['free', 'basic', 'pro'].map((id) => rule(id, key, 'swapmyfile'))).toEqual([
      'API_ACCESS',
      'SWAPMYFILE_ACCESS',
      null,
    ]);
  });

  it('is not asked of sessions and guests', () => {
    expect(rule('free', anAccountCaller({ via: 'session' }), 'swapmyfile')).toBeNull();
    expect(rule('guest', GUEST, 'swapmyfile')).toBeNull();
  });
});

describe('what a plan refuses', () => {
  const modest = { callback: false, batch: false, size: 1 };
  const rules = (
    id: string,
    different: Partial<Parameters<typeof planRefusals>[1]>,
    serviceBytes = 2 ** 40,
  ) => planRefusals(plan(id), { ...modest, ...different }, serviceBytes);

  it('are callbacks and batches that it does not include, all at once', () => {
    expect(rules('basic', { callback: true, batch: true }).map(({ rule }) => rule)).toEqual([
      'CALLBACKS',
      'BATCHES',
    ]);
    expect(rules('pro', { callback: true, batch: true })).toEqual([]);
    expect(rules('basic', {})).toEqual([]);
  });

  it('are files that are larger than it allows, by a single byte', () => {
    expect(rules('free', { size: 250 * MB })).toEqual([]);
    expect(rules('free', { size: 250 * MB + 1 })).toMatchObject([
      {
        rule: 'FILE_SIZE',
        code: 'TOO_LARGE',
        field: 'size',
        hint: expect.stringContaining('Upgrade'),
        message: `The file has ${250 * MB + 1} bytes; the free plan allows ${250 * MB}.`,
      },
    ]);
    expect(rules('free', { size: undefined })).toEqual([]);
  });

  it('are files that the service does not take either, for which no upgrade helps', () => {
    const [refusal] = rules('pro', { size: 11 }, 10);
    expect(refusal).toMatchObject({
      rule: 'FILE_SIZE',
      message: 'The file has 11 bytes; at most 10 are allowed.',
      hint: expect.stringContaining('KILN_LIMIT_UPLOAD_BYTES'),
    });
    expect(rules('free', { size: 11 }, 10)).toEqual([refusal]);
    expect(rules('pro', { size: 10 }, 10)).toEqual([]);
  });

  it('is an error for who asks nevertheless', () => {
    expect(
      refuse({ rule: 'BATCHES', code: 'FORBIDDEN', message: 'No.', field: 'f', hint: 'Help.' }),
    ).toMatchObject({ code: 'FORBIDDEN', message: 'No.', field: 'f', hint: 'Help.' });
    expect(refuse({ rule: 'BATCHES', code: 'INTERNAL', message: 'No.' })).toMatchObject({
      field: undefined,
      hint: undefined,
    });
  });
});

describe('a change of a plan', () => {
  it('is any of its terms', () => {
    expect(parsePlanChanges({ callsPerDay: null, concurrency: 3 })).toEqual({
      callsPerDay: null,
      concurrency: 3,
    });
  });

  it.each([
    [{ concurrency: 0 }, 'concurrency'],
    [{ concurrency: 10_001 }, 'concurrency'],
    [{ concurrency: null }, 'concurrency'],
    [{ callsPerMinute: 0 }, 'callsPerMinute'],
    [{ mediaCredits: -1 }, 'mediaCredits'],
    [{ mediaCredits: 1_000_000_001 }, 'mediaCredits'],
    [{ fileBytes: 0 }, 'fileBytes'],
    [{ colour: 'blue' }, 'colour'],
  ])('%j is refused at %s', (changes, field) => {
    expect(() => parsePlanChanges(changes)).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', field }),
    );
  });

  it('may go to the limits', () => {
    const least = { callsPerMinute: 1, callsPerDay: 1, concurrency: 1, fileBytes: 1, mediaCredits: 0 };
    expect(parsePlanChanges(least)).toEqual(least);
    const most = { callsPerMinute: 10_000, concurrency: 10_000, mediaCredits: 1_000_000_000 };
    expect(parsePlanChanges(most)).toEqual(most);
  });
});
