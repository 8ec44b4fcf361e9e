import { describe, expect, it } from 'vitest';
import { createAudit, numbered } from '../../../src/domain/credits/audit.ts';
import {
  chargedAccount,
  creditsSpent,
  type Decision,
  decideCapture,
  decideHold,
  decideRelease,
  grantEntry,
  type Hold,
  type LedgerEntry,
  totalOf,
} from '../../../src/domain/credits/credits.ts';
import { requireMinimum } from '../../../src/operations/credits/credits.ts';
import type { CreditAccount } from '../../../src/store/credits.ts';
import { anAccountCaller } from '../../support/records.ts';

const AT = new Date(0);
const charge = { jobId: 'job', run: '1' };
const run = (state: Hold['state'], amount = 5): Record<string, Hold> => ({ 1: { state, amount, at: AT } });

function changeOf(decision: Decision) {
  if (decision === 'done') throw new Error('nothing was decided');
  const { hold, entries } = decision;
  return { state: hold.state, ids: entries.map(({ _id }) => _id), ...totalOf(entries) };
}

describe('holding', () => {
  it('moves credits aside', () => {
    const moved = changeOf(decideHold({}, { ...charge, amount: 5 }, AT));
    expect(moved).toEqual({ state: 'held', ids: ['job:hold:1'], available: -5, held: 5 });
  });

  it('again is done already, unless it is another amount', () => {
    expect(decideHold(run('held'), { ...charge, amount: 5 }, AT)).toBe('done');
    expect(() => decideHold(run('held'), { ...charge, amount: 6 }, AT)).toThrow(/held already/);
  });

  it.each(['captured', 'released'] as const)('comes too late when the run is %s', (state) => {
    expect(() => decideHold(run(state), { ...charge, amount: 5 }, AT)).toThrow(
      expect.objectContaining({ code: 'WRONG_STATE' }),
    );
  });

  it.each([
    ['held', false],
    ['captured', false],
    ['released', true],
  ] as const)('for a second run after one that is %s: %s', (state, allowed) => {
    const hold = () => decideHold(run(state), { jobId: 'job', run: '2', amount: 1 }, AT);
    if (allowed) expect(changeOf(hold())).toMatchObject({ held: 1 });
    else expect(hold).toThrow(/Another run/);
  });

  it('may move up to a billion credits at a time', () => {
    for (const amount of [1, 1_000_000_000])
      expect(changeOf(decideHold({}, { ...charge, amount }, AT))).toMatchObject({ held: amount });
  });

  it.each([0, -1, 1.5, Number.NaN, 1_000_000_001])('%d credits is refused', (amount) => {
    expect(() => decideHold({}, { ...charge, amount }, AT)).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', field: 'amount' }),
    );
  });
});

describe('settling', () => {
  it('captures what was used and releases the rest, at once', () => {
    expect(changeOf(decideCapture(run('held'), { ...charge, used: 3 }, AT))).toEqual({
      state: 'captured',
      ids: ['job:capture:1', 'job:release:1'],
      available: 2,
      held: -5,
    });
    expect(changeOf(decideCapture(run('held'), { ...charge, used: 5 }, AT))).toMatchObject({
      ids: ['job:capture:1'],
      available: 0,
    });
  });

  it('releases all of a job that did not become ready', () => {
    expect(changeOf(decideRelease(run('held'), charge, AT))).toEqual({
      state: 'released',
      ids: ['job:release:1'],
      available: 5,
      held: -5,
    });
  });

  it('leaves a mark where nothing was held, on which a late hold founders', () => {
    const mark = decideRelease({}, charge, AT);
    expect(changeOf(mark)).toEqual({ state: 'released', ids: [], available: 0, held: 0 });
    const runs = { 1: (mark as Exclude<Decision, 'done'>).hold };
    expect(() => decideHold(runs, { ...charge, amount: 5 }, AT)).toThrow(/released already/);
  });

  it('again is done already, and the other way is refused', () => {
    expect(decideCapture(run('captured'), { ...charge, used: 3 }, AT)).toBe('done');
    expect(decideRelease(run('released'), charge, AT)).toBe('done');
    const refused = expect.objectContaining({ code: 'WRONG_STATE' });
    expect(() => decideCapture(run('released'), { ...charge, used: 3 }, AT)).toThrow(refused);
    expect(() => decideRelease(run('captured'), charge, AT)).toThrow(refused);
  });

  it('never captures what is not held', () => {
    expect(() => decideCapture({}, { ...charge, used: 1 }, AT)).toThrow(/not held/);
    expect(() => decideCapture(run('held'), { ...charge, used: 6 }, AT)).toThrow(/Only 5 credits/);
  });
});

describe('who pays, and for what', () => {
  it('is the account behind an owner; a guest has none', () => {
    expect(chargedAccount('account:a')).toBe('a');
    expect(chargedAccount('guest:account:a')).toBeNull();
  });

  it('is what a job has used that became ready', () => {
    expect(creditsSpent({ status: 'ready', spent: 3 })).toBe(3);
    expect(creditsSpent({ status: 'ready' })).toBe(0);
    expect(creditsSpent({ status: 'failed', spent: 3 })).toBe(0);
  });

  it('is given by an entry that the same grant writes again alike', () => {
    const entry = grantEntry('monthly', { accountId: 'a', run: '2026-11', amount: 60 }, AT);
    expect(entry).toEqual({ _id: 'a:monthly:2026-11', available: 60, held: 0, at: AT });
    expect(() => grantEntry('grant', { accountId: 'a', run: 'r', amount: 0 }, AT)).toThrow(/whole numbers/);
  });
});

describe('accepting a job', () => {
  const get = async () => ({ available: 1 }) as CreditAccount;
  const account = anAccountCaller();

  it('needs credits for one started minute, from an account', async () => {
    await requireMinimum({ get }, account, 1);
    const refusal = { code: 'INSUFFICIENT_CREDITS' };
    await expect(requireMinimum({ get }, account, 2)).rejects.toMatchObject(refusal);
    await expect(requireMinimum({ get }, { kind: 'guest', guestId: 'g' }, 1)).rejects.toMatchObject(refusal);
  });

  it('asks for none when the job is free, whoever asks', async () => {
    const never = { get: () => Promise.reject(new Error('What is free must not ask for credits.')) };
    await requireMinimum(never, account, 0);
    await requireMinimum(never, { kind: 'guest', guestId: 'g' }, 0);
  });
});

const grant = { _id: 'acc:grant:g', available: 10, held: 0, at: AT };
const hold = { _id: 'job:hold:1', available: -4, held: 4, at: AT };
const capture = { _id: 'job:capture:1', available: 0, held: -3, at: AT };
const release = { _id: 'job:release:1', available: 1, held: -1, at: AT };
const history = [grant, hold, capture, release];
const account = { available: 7, held: 0, entrySeq: 4, holds: {} };

describe('numbering', () => {
  it('derives the same numbers and balances from any snapshot of a history', () => {
    const whole = numbered('acc', { ...account, pendingEntries: history });
    expect(whole.map(({ seq, kind, subject, balance }) => [seq, kind, subject, balance])).toEqual([
      [1, 'grant', 'acc', { available: 10, held: 0 }],
      [2, 'hold', 'job', { available: 6, held: 4 }],
      [3, 'capture', 'job', { available: 6, held: 1 }],
      [4, 'release', 'job', { available: 7, held: 0 }],
    ]);
    expect(numbered('acc', { ...account, pendingEntries: history.slice(2) })).toEqual(whole.slice(2));
    const earlier = { available: 6, held: 4, entrySeq: 2, pendingEntries: history.slice(0, 2) };
    expect(numbered('acc', earlier)).toEqual(whole.slice(0, 2));
  });
});

describe('an audit', () => {
  const entries = numbered('acc', { ...account, pendingEntries: history });
  function audit(ledger: LedgerEntry[], different: Partial<typeof account & { pendingEntries: [] }> = {}) {
    const check = createAudit('acc', { ...account, pendingEntries: [], ...different });
    for (const entry of ledger) check.add(entry);
    return check.differences().map(({ what }) => what);
  }

  it('is content with a whole ledger, in any order', () => {
    expect(audit(entries)).toEqual([]);
    expect(audit(entries.toReversed())).toEqual([]);
  });

  it('counts what is pending once, though the ledger may have it already', () => {
    const check = createAudit('acc', { ...account, pendingEntries: history.slice(2) });
    for (const entry of entries) check.add(entry);
    expect(check.differences()).toEqual([]);
  });

  it('leaves out what was written after the account was read', () => {
    const later = { ...entries[0], seq: 5 } as LedgerEntry;
    expect(audit([...entries, later])).toEqual([]);
  });

  it.each([
    ['a missing entry', entries.slice(1), {}, 'number of entries'],
    ['an entry twice', [...entries, ...entries.slice(0, 1)], {}, 'sum of the ledger: available'],
    ['another balance', entries, { available: 8 }, 'sum of the ledger: available'],
    ['credits that nobody holds', entries, { held: 1 }, 'sum of the running holds'],
    ['a negative balance', entries, { available: -1 }, 'lowest balance, which must not be negative'],
  ])('finds %s', (_name, ledger, different, what) => {
    expect(audit(ledger, different)).toContain(what);
  });
});
