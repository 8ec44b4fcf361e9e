import type { Account } from '../domain/access/account.ts';
import { KilnError } from '../domain/errors.ts';
import { type Collections, translateErrors } from './mongo/mongo.ts';

export type LowCreditRepository = ReturnType<typeof createLowCreditRepository>;

/** The mark of accounts that have little left: which job took them there. */
export function createLowCreditRepository({ accounts }: Pick<Collections, 'accounts'>) {
  return translateErrors({
    async find(accountId: string): Promise<Pick<Account, 'plan' | 'available' | 'lowCause'>> {
      const account = await accounts.findOne(
        { _id: accountId },
        { projection: { plan: 1, available: 1, lowCause: 1 } },
      );
      if (!account) throw new KilnError('NOT_FOUND', 'There is no such account.');
      return account;
    },

    /** Only the first who finds too little makes the mark. */
    async mark(accountId: string, below: number, lowCause: string): Promise<void> {
      await accounts.updateOne(
        { _id: accountId, available: { $lt: below }, lowCause: { $exists: false } },
        { $set: { lowCause } },
      );
    },

    async clear(accountId: string, enough: number): Promise<void> {
      await accounts.updateOne(
        { _id: accountId, available: { $gte: enough }, lowCause: { $exists: true } },
        { $unset: { lowCause: '' } },
      );
    },
  });
}
