import { isDeepStrictEqual } from 'node:util';
import type { Filter } from 'mongodb';
import type { Account } from '../domain/access/account.ts';
import {
  type Charge,
  type Credits,
  type Decision,
  decideCapture,
  decideHold,
  decideRelease,
  grantEntry,
  type PendingEntry,
  type Runs,
  totalOf,
} from '../domain/credits/credits.ts';
import { KilnError } from '../domain/errors.ts';
import { type Collections, translateErrors, updateInPortions } from './mongo/mongo.ts';

/** One run of one job of an account. */
export type AccountCharge = Charge & { accountId: string };

export interface Grant {
  accountId: string;
  kind: 'grant' | 'monthly';
  /** Makes a repeat recognisable: the same run gives once. */
  run: string;
  amount: number;
}

/** The account with all that concerns its credits. */
export type CreditAccount = { _id: string } & Credits;

/** A movement is looked at this long after, if nobody has taken it to its end. */
const REPAIR_MS = 15_000;

export type CreditRepository = ReturnType<typeof createCreditRepository>;

/** The credits of accounts. Each movement is one conditional update of the one account document. */
export function createCreditRepository({ accounts, ledger }: Pick<Collections, 'accounts' | 'ledger'>) {
  /** Decides on what is there, writes if that is still there, and decides again if it is not. */
  async function move(
    charge: AccountCharge,
    known: Runs | undefined,
    decide: (runs: Runs) => Decision,
  ): Promise<void> {
    for (let runs = known; ; ) {
      const decision = decide(runs ?? {});
      if (decision === 'done' || (await write(charge, runs, decision))) return;
      const need = -totalOf(decision.entries).available;
      const { holds, available = 0 } = await read(charge.accountId, pathOf(charge));
      const now = holds?.[charge.jobId];
      if (need > available && isDeepStrictEqual(now, runs)) throw insufficient(need, available);
      runs = now;
    }
  }

  /** @returns whether the runs were still what they were taken for, and the credits there. */
  async function write(
    charge: AccountCharge,
    runs: Runs | undefined,
    { hold, entries }: Exclude<Decision, 'done'>,
  ): Promise<boolean> {
    const need = -totalOf(entries).available;
    const filter: Filter<Account> = {
      _id: charge.accountId,
      [pathOf(charge)]: runs ?? { $exists: false },
      ...(need > 0 && { available: { $gte: need } }),
    };
    const update = { ...appended(entries), $set: { [`${pathOf(charge)}.${charge.run}`]: hold } };
    return (await accounts.updateOne(filter, update)).matchedCount > 0;
  }

  async function read(accountId: string, path: string): Promise<Account> {
    const account = await accounts.findOne(
      { _id: accountId },
      { projection: { available: 1, held: 1, [path]: 1 } },
    );
    if (!account) throw new KilnError('NOT_FOUND', 'There is no such account.');
    return account;
  }

  return translateErrors({
    /** @throws KilnError INSUFFICIENT_CREDITS, or WRONG_STATE when the run is settled. */
    hold: (charge: AccountCharge & { amount: number }): Promise<void> =>
      move(charge, undefined, (runs) => decideHold(runs, charge, new Date())),

    /**
     * Captures what was used and releases the rest; 0 releases all of it.
     * @throws KilnError WRONG_STATE when the run was settled the other way, or what was used is not held.
     */
    async settle(charge: AccountCharge & { used: number }): Promise<void> {
      const decide = charge.used > 0 ? decideCapture : decideRelease;
      // What is settled was held before, so its runs are read first.
      const { holds } = await read(charge.accountId, pathOf(charge));
      await move(charge, holds?.[charge.jobId], (runs) => decide(runs, charge, new Date()));
    },

    /** Gives credits, once for each kind and run. */
    async grant(grant: Grant): Promise<void> {
      const { accountId, kind, run, amount } = grant;
      const at = new Date();
      const entry = grantEntry(kind, grant, at);
      // The account forgets old grants, the ledger never does.
      const known = await ledger.findOne({ _id: entry._id });
      if (known) return requireSame(kind, known.change.available, amount);
      const path = `grants.${kind}-${run}`;
      const { matchedCount } = await accounts.updateOne(
        { _id: accountId, [path]: { $exists: false } },
        { ...appended([entry]), $set: { [path]: { amount, at } } },
      );
      if (matchedCount > 0) return;
      const { grants } = await read(accountId, path);
      requireSame(kind, grants?.[`${kind}-${run}`]?.amount, amount);
    },

    /** @throws KilnError NOT_FOUND. */
    async get(accountId: string): Promise<CreditAccount> {
      const account = await accounts.findOne({ _id: accountId });
      if (!account) throw new KilnError('NOT_FOUND', 'There is no such account.');
      return complete(account);
    },

    /** Accounts by id, from the one after `after` on. */
    async list(after: string, limit: number): Promise<CreditAccount[]> {
      const found = await accounts.find({ _id: { $gt: after } }, { sort: { _id: 1 }, limit }).toArray();
      return found.map(complete);
    },

    /** Accounts in which something was to be looked at by `now`, the longest due first. */
    async listDue(now: Date, limit: number): Promise<CreditAccount[]> {
      const due = accounts.find({ repairAt: { $lte: now } }, { sort: { repairAt: 1 }, limit });
      return (await due.toArray()).map(complete);
    },

    /** Notes when to look again, null for not before the next movement, unless there was one meanwhile. */
    async scheduleCheck({ _id, entrySeq }: CreditAccount, repairAt: Date | null): Promise<void> {
      const update = repairAt ? { $set: { repairAt } } : { $unset: { repairAt: '' as const } };
      await accounts.updateOne({ _id, entrySeq }, update);
    },

    /** Has those looked at that were in the middle of something before there was a time for it. */
    async adopt(now: Date): Promise<void> {
      const unfinished: Filter<Account>[] = [
        { 'pendingEntries.0': { $exists: true } },
        { holds: { $exists: true, $ne: {} } },
      ];
      await updateInPortions(
        accounts,
        { repairAt: { $exists: false }, $or: unfinished },
        { $set: { repairAt: now } },
      );
    },

    /** Accounts of a plan that have not had the credits of this month, in no order. */
    async listWithoutMonth(plan: string, month: string, limit: number): Promise<string[]> {
      const ids: string[] = [];
      // Each of the two is served by the index; accounts from before the month was noted have none.
      for (const grantedMonth of [{ $exists: false }, { $lt: month }]) {
        if (ids.length === limit) break;
        const options = { limit: limit - ids.length, projection: { _id: 1 } };
        for (const { _id } of await accounts.find({ plan, grantedMonth }, options).toArray()) ids.push(_id);
      }
      return ids;
    },

    /** Notes that an account has had the credits of a month, unless it has had those of a later one. */
    async noteMonth(accountId: string, grantedMonth: string): Promise<void> {
      await accounts.updateOne({ _id: accountId }, { $max: { grantedMonth } });
    },

    /** Forgets a settled job, unless it has changed since it was read. */
    async forgetJob(accountId: string, jobId: string, runs: Runs): Promise<void> {
      const path = `holds.${jobId}`;
      await accounts.updateOne({ _id: accountId, [path]: runs }, { $unset: { [path]: '' } });
    },

    async forgetGrant(accountId: string, name: string): Promise<void> {
      await accounts.updateOne({ _id: accountId }, { $unset: { [`grants.${name}`]: '' } });
    },
  });
}

/** The same grant again is done; under its id another one would go unnoticed. A month is given as it was. */
function requireSame(kind: Grant['kind'], given: number | undefined, amount: number): void {
  if (kind === 'grant' && given !== amount)
    throw new KilnError('WRONG_STATE', `This grant was made before, of ${given} credits.`);
}

function pathOf({ jobId }: Charge): string {
  return `holds.${jobId}`;
}

function appended(entries: readonly PendingEntry[]) {
  return {
    $inc: { ...totalOf(entries), entrySeq: entries.length },
    $push: { pendingEntries: { $each: [...entries] } },
    $min: { repairAt: new Date(Date.now() + REPAIR_MS) },
  };
}

function complete(account: Account): CreditAccount {
  const {
    _id,
    available = 0,
    held = 0,
    entrySeq = 0,
    holds = {},
    grants = {},
    pendingEntries = [],
  } = account;
  return { _id, available, held, entrySeq, holds, grants, pendingEntries };
}

function insufficient(need: number, available: number): KilnError {
  return new KilnError(
    'INSUFFICIENT_CREDITS',
    `This needs ${need} media credits, and the account has ${available}.`,
    { hint: 'Top up the media credits of the account, or wait for those of the next month.' },
  );
}
