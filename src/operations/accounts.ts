import type { Account, Actor } from '../domain/account.ts';
import { ConversionError } from '../domain/errors.ts';
import type { AccountRepository } from '../store/accounts.ts';

/** Accounts: their owners see their own, the operator all of them. */
export function createAccounts({ accounts }: { accounts: Pick<AccountRepository, 'find'> }) {
  return {
    /** The account that is meant; without an id the actor's own. Somebody else's does not exist. */
    async findAccount(actor: Actor, id?: string): Promise<Account> {
      const account = await accounts.find(requireAccountId(actor, id));
      if (!account) throw noAccount();
      return account;
    },
  };
}

/** @throws ConversionError unless the operator asks. */
export function requireAdmin(actor: Actor): void {
  if (actor.kind === 'admin') return;
  const code = actor.kind === 'anonymous' ? 'UNAUTHENTICATED' : 'FORBIDDEN';
  throw new ConversionError(code, 'This is for the operator.', {
    hint: 'Send the admin token as "Authorization: Bearer …".',
  });
}

/** @throws ConversionError NOT_FOUND for every account that is not the actor's own. */
export function requireAccountId(actor: Actor, id: string | undefined): string {
  if (actor.kind === 'admin') {
    if (id !== undefined) return id;
    throw new ConversionError('INVALID_INPUT', 'Name the account: the operator has none.', {
      field: 'accountId',
    });
  }
  if (actor.kind !== 'account') {
    throw new ConversionError('UNAUTHENTICATED', 'This needs an API key.', {
      hint: 'Send it in the X-API-Key header.',
    });
  }
  if (id !== undefined && id !== actor.accountId) throw noAccount();
  return actor.accountId;
}

function noAccount(): ConversionError {
  return new ConversionError('NOT_FOUND', 'There is no such account.');
}
