import type { Account } from '../domain/account.ts';
import { type Collections, insertIfAbsent, translateFaults } from './mongo.ts';

export type AccountRepository = ReturnType<typeof createAccountRepository>;

export function createAccountRepository({ accounts }: Pick<Collections, 'accounts'>) {
  return translateFaults({
    find: (id: string): Promise<Account | null> => accounts.findOne({ _id: id }),
    insertIfAbsent: (account: Account) => insertIfAbsent(accounts, account),
  });
}
