import { numbered } from '../domain/credits/audit.ts';
import type { LedgerEntry } from '../domain/credits/credits.ts';
import { KilnError } from '../domain/errors.ts';
import type { Page } from '../domain/page.ts';
import { createGroupedByKey } from '../grouped.ts';
import { hasOnlyDuplicateKeys } from './mongo/driver-errors.ts';
import { type Collections, translateErrors } from './mongo/mongo.ts';
import { paging } from './mongo/paging.ts';

/** One page of an account's ledger, which is sorted by `seq`. */
export interface LedgerPage extends Page<number> {
  accountId: string;
}

/** A drain takes this many entries at a time. */
const DRAIN_SIZE = 500;
/** On a replica set: only what a majority has, and no failover can take back. A single server ignores it. */
const CONFIRMED = { readConcern: { level: 'majority' }, readPreference: 'primary' } as const;

export type LedgerRepository = ReturnType<typeof createLedgerRepository>;

/** The ledger: appended to by the drain, and never changed. */
export function createLedgerRepository({ accounts, ledger }: Pick<Collections, 'accounts' | 'ledger'>) {
  /**
   * Only entries that were seen in the ledger leave the account, whatever the answer to the insert was.
   * @returns how many entries there were. A repeat, or another drain, finds them written and agrees.
   */
  async function drainOnce(accountId: string): Promise<number> {
    const account = await accounts.findOne(
      { _id: accountId },
      { projection: { available: 1, held: 1, entrySeq: 1, pendingEntries: 1 }, ...CONFIRMED },
    );
    const { available = 0, held = 0, entrySeq = 0, pendingEntries = [] } = account ?? {};
    const entries = numbered(accountId, { available, held, entrySeq, pendingEntries }).slice(0, DRAIN_SIZE);
    if (entries.length === 0) return 0;
    await ledger.insertMany(entries, { ordered: false }).catch(unlessWritten);
    const $in = entries.map(({ _id }) => _id);
    const written = await ledger
      .find({ _id: { $in } }, { projection: { _id: 1 }, ...CONFIRMED })
      .map(({ _id }) => _id)
      .toArray();
    if (written.length < entries.length) throw notWritten(entries.length - written.length);
    await accounts.updateOne({ _id: accountId }, { $pull: { pendingEntries: { _id: { $in: written } } } });
    return pendingEntries.length;
  }

  async function drainAll(accountId: string): Promise<void> {
    while ((await drainOnce(accountId)) > DRAIN_SIZE);
  }

  const drain = createGroupedByKey<void>(drainAll);

  return translateErrors({
    /**
     * Copies what the account has pending into the ledger: all that happened before the call.
     * Callers who come while one drain runs share the next.
     */
    drain: (accountId: string): Promise<void> => drain(accountId, undefined),

    async list({ accountId, ...page }: LedgerPage): Promise<LedgerEntry[]> {
      const { bounds, options } = paging('seq', page);
      return ledger.find({ accountId, ...bounds }, options).toArray();
    },

    /** Every entry of every account, one account after the other: the index has them in this order. */
    all: (): AsyncIterable<LedgerEntry> => ledger.find({}, { sort: { accountId: 1, seq: 1 } }),
  });
}

/** Some of the entries, or all of them, were there already. */
function unlessWritten(error: unknown): void {
  if (!hasOnlyDuplicateKeys(error)) throw error;
}

function notWritten(missing: number): KilnError {
  return new KilnError('UNAVAILABLE', 'The database does not answer at the moment.', {
    cause: new Error(`${missing} entries are not in the ledger after they were written`),
    hint: 'Try again in a few seconds.',
  });
}
