import {
  type Balance,
  type Credits,
  type EntryKind,
  type LedgerEntry,
  minus,
  plus,
  totalOf,
} from './credits.ts';

/** The part of an account that its entries are numbered and checked by, as one read saw it. */
export type CreditSnapshot = Pick<Credits, 'available' | 'held' | 'entrySeq' | 'pendingEntries'>;

/** Something that should be equal and is not. */
export interface Difference {
  accountId: string;
  what: string;
  expected: number;
  found: number;
}

/**
 * The pending entries as the ledger will have them. The snapshot is what the last of them left behind,
 * so number and balance of each follow by walking back: every drain derives the same, whatever it races with.
 */
export function numbered(
  accountId: string,
  { available, held, entrySeq, pendingEntries }: CreditSnapshot,
): LedgerEntry[] {
  let balance: Balance = { available, held };
  const entries = pendingEntries.toReversed().map(({ _id, at, ...change }, i) => {
    const [subject = '', kind, run = ''] = _id.split(':');
    const seq = entrySeq - i;
    const entry = { _id, accountId, seq, kind: kind as EntryKind, subject, run, change, balance, at };
    balance = minus(balance, change);
    return entry;
  });
  return entries.toReversed();
}

/** Checks one account against its ledger, entry by entry, in any order. */
export function createAudit(accountId: string, account: CreditSnapshot & Pick<Credits, 'holds'>) {
  const { available, held, entrySeq, pendingEntries, holds } = account;
  const pending = totalOf(pendingEntries);
  // What comes after this in the ledger was written after the account was read.
  const lastSeq = entrySeq - pendingEntries.length;
  const drained = minus({ available, held }, pending);
  let sum: Balance = { available: 0, held: 0 };
  let count = 0;
  let numbers = 0;
  let lowest = Math.min(available, held);
  let last: Balance | undefined;

  return {
    add({ seq, change, balance }: LedgerEntry): void {
      if (seq > lastSeq) return;
      sum = plus(sum, change);
      count += 1;
      numbers += seq;
      lowest = Math.min(lowest, balance.available, balance.held);
      if (seq === lastSeq) last = balance;
    },

    differences(): Difference[] {
      const total = plus(sum, pending);
      const checks: [what: string, expected: number, found: number][] = [
        ['sum of the ledger: available', available, total.available],
        ['sum of the ledger: held', held, total.held],
        ['number of entries', lastSeq, count],
        ['sum of the numbers of the entries', (lastSeq * (lastSeq + 1)) / 2, numbers],
        ['sum of the running holds', held, runningHolds(holds)],
        ['lowest balance, which must not be negative', Math.max(lowest, 0), lowest],
        ['balance of the last entry: available', drained.available, last?.available ?? 0],
        ['balance of the last entry: held', drained.held, last?.held ?? 0],
      ];
      return checks
        .filter(([, expected, found]) => expected !== found)
        .map(([what, expected, found]) => ({ accountId, what, expected, found }));
    },
  };
}

function runningHolds(holds: Credits['holds']): number {
  const runs = Object.values(holds).flatMap((job) => Object.values(job));
  return runs.reduce((sum, { state, amount }) => sum + (state === 'held' ? amount : 0), 0);
}
