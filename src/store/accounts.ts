import type { Account } from '../domain/account.ts';
import { ConversionError } from '../domain/errors.ts';
import { type Collections, insertIfAbsent, translateFaults } from './mongo.ts';

/** One page of all accounts, newest first unless only `after` is given. */
export interface AccountPage {
  before?: string;
  after?: string;
  limit: number;
}

const NO_MONEY = { holds: 0, grants: 0, pendingEntries: 0 } as const;

export type AccountRepository = ReturnType<typeof createAccountRepository>;

export function createAccountRepository({ accounts }: Pick<Collections, 'accounts'>) {
  return translateFaults({
    /** Every call asks for it, so its money, which may be long, stays where it is. */
    find: (id: string): Promise<Account | null> => accounts.findOne({ _id: id }, { projection: NO_MONEY }),
    insertIfAbsent: (account: Account) => insertIfAbsent(accounts, account),

    async list({ before, after, limit }: AccountPage): Promise<Account[]> {
      const bounds = { ...(before && { $lt: before }), ...(after && { $gt: after }) };
      const filter = before || after ? { _id: bounds } : {};
      return accounts.find(filter, { sort: { _id: after && !before ? 1 : -1 }, limit }).toArray();
    },

    /** @returns the account as it is then. */
    async change(id: string, changes: Partial<Pick<Account, 'name' | 'plan'>>): Promise<Account> {
      const account = await accounts.findOneAndUpdate(
        { _id: id },
        { $set: changes },
        { returnDocument: 'after' },
      );
      if (!account) throw new ConversionError('NOT_FOUND', 'There is no such account.');
      return account;
    },
  });
}
