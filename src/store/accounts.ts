import type { Account } from '../domain/access/account.ts';
import { KilnError } from '../domain/errors.ts';
import type { Page } from '../domain/page.ts';
import { isDuplicateKey } from './mongo/driver-errors.ts';
import { type Collections, insertIfAbsent, translateErrors } from './mongo/mongo.ts';
import { paging } from './mongo/paging.ts';

const WITHOUT_CREDITS = { holds: 0, grants: 0, pendingEntries: 0 } as const;

export type AccountChanges = Partial<Pick<Account, 'name' | 'plan' | 'sessionsSince'>>;
export type AccountRepository = ReturnType<typeof createAccountRepository>;

export function createAccountRepository({ accounts }: Pick<Collections, 'accounts'>) {
  return translateErrors({
    /** Every call asks for it, so its money, which may be long, stays where it is. */
    find: (id: string): Promise<Account | null> =>
      accounts.findOne({ _id: id }, { projection: WITHOUT_CREDITS }),
    /** The account that a login is linked to. */
    findByLogin: (oidcSubject: string): Promise<Account | null> =>
      accounts.findOne({ oidcSubject }, { projection: WITHOUT_CREDITS }),

    insertIfAbsent: (account: Account) => insertIfAbsent(accounts, account),

    async list(page: Page): Promise<Account[]> {
      const { bounds, options } = paging('_id', page);
      return accounts.find(bounds, { ...options, projection: WITHOUT_CREDITS }).toArray();
    },

    /** @returns the account as it is then. */
    async change(id: string, changes: AccountChanges): Promise<Account> {
      const account = await accounts.findOneAndUpdate(
        { _id: id },
        { $set: changes },
        { returnDocument: 'after', projection: WITHOUT_CREDITS },
      );
      return required(account);
    },

    /**
     * Null ends the link; with `sessionsSince` its sessions end in the same write. A login is linked to
     * one account at most: the index sees to it.
     * @throws KilnError WRONG_STATE when another account has it.
     */
    async link(id: string, oidcSubject: string | null, sessionsSince: Date | null): Promise<Account> {
      const set = { ...(oidcSubject !== null && { oidcSubject }), ...(sessionsSince && { sessionsSince }) };
      const update = {
        ...(Object.keys(set).length > 0 && { $set: set }),
        ...(oidcSubject === null && { $unset: { oidcSubject: '' as const } }),
      };
      try {
        return required(
          await accounts.findOneAndUpdate({ _id: id }, update, {
            returnDocument: 'after',
            projection: WITHOUT_CREDITS,
          }),
        );
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        throw new KilnError('WRONG_STATE', 'This login is linked to another account.', {
          field: 'subject',
          hint: 'End that link first.',
        });
      }
    },
  });
}

function required(account: Account | null): Account {
  if (account) return account;
  throw new KilnError('NOT_FOUND', 'There is no such account.');
}
