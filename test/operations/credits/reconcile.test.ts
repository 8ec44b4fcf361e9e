import { expect, it } from 'vitest';
import type { LedgerEntry } from '../../../src/domain/credits/credits.ts';
import { createReconcile } from '../../../src/operations/credits/reconcile.ts';
import type { CreditAccount } from '../../../src/store/credits.ts';

const ZERO = { available: 0, held: 0 };

/** Captures of nothing by these accounts and jobs, one after the other, as the ledger gives them. */
async function reconciled(captures: [accountId: string, jobId: string][], accounts = ['a', 'b']) {
  const reconcile = createReconcile({
    credits: {
      list: async (after, limit) =>
        accounts
          .filter((_id) => _id > after)
          .slice(0, limit)
          .map((_id): CreditAccount => {
            const seq = captures.filter(([accountId]) => accountId === _id).length;
            return { _id, ...ZERO, holds: {}, grants: {}, pendingEntries: [], entrySeq: seq };
          }),
    },
    ledger: {
      async *all() {
        const seqs = new Map<string, number>();
        for (const [accountId, subject] of captures) {
          const seq = (seqs.get(accountId) ?? 0) + 1;
          seqs.set(accountId, seq);
          const entry = { _id: `${accountId}:${seq}`, accountId, subject, run: 'run', seq, at: new Date(0) };
          yield { ...entry, kind: 'capture', change: ZERO, balance: ZERO } as LedgerEntry;
        }
      },
    },
  });
  const { differences, ...looked } = await reconcile();
  return { ...looked, twice: differences.filter(({ what }) => what.startsWith('captures')) };
}

it('a job is captured once, whatever other accounts or jobs are', async () => {
  const captures: [string, string][] = [
    ['a', 'one'],
    ['a', 'two'],
    ['b', 'one'],
  ];
  expect(await reconciled(captures)).toEqual({ accounts: 2, entries: 3, twice: [] });
});

it('each job that was captured more often is named, in the last account as well', async () => {
  const captures: [string, string][] = [
    ['a', 'one'],
    ['a', 'two'],
    ['a', 'one'],
    ...Array.from({ length: 3 }, (): [string, string] => ['b', 'three']),
  ];
  expect((await reconciled(captures)).twice).toEqual([
    { accountId: 'a', what: 'captures of job one', expected: 1, found: 2 },
    { accountId: 'b', what: 'captures of job three', expected: 1, found: 3 },
  ]);
});

it('every account is looked at, however many there are', async () => {
  const many = Array.from({ length: 1001 }, (_, i) => String(i + 1000));
  expect(await reconciled([], many)).toEqual({ accounts: 1001, entries: 0, twice: [] });
});
