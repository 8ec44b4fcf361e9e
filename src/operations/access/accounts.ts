import { type Account, type Actor, requireName, requireScope } from '../../domain/access/account.ts';
import { isSubject, loginKey } from '../../domain/access/login.ts';
import { KilnError } from '../../domain/errors.ts';
import { newId } from '../../domain/id.ts';
import type { Page } from '../../domain/page.ts';
import type { AccountRepository } from '../../store/accounts.ts';

export interface AccountsPorts {
  accounts: AccountRepository;
  /** Rejects when no account can have this plan. */
  requireAccountPlan(id: string): Promise<void>;
  /** Whose logins count; undefined where there is no login server. */
  issuer?: string | undefined;
}

export interface AccountRequest {
  name: string;
  plan: string;
}

/** Accounts: their owners may see and rename their own, the operator everything. */
export function createAccounts({ accounts, requireAccountPlan, issuer }: AccountsPorts) {
  /** The account that is meant; without an id the actor's own. Somebody else's does not exist. */
  async function findAccount(actor: Actor, id?: string): Promise<Account> {
    const account = await accounts.find(requireAccountId(actor, id));
    if (!account) throw noAccount();
    return account;
  }

  return {
    findAccount,

    async createAccount(actor: Actor, request: AccountRequest): Promise<Account> {
      requireAdmin(actor);
      await requireAccountPlan(request.plan);
      const account: Account = {
        _id: newId(),
        name: requireName(request.name),
        plan: request.plan,
        createdAt: new Date(),
      };
      await accounts.insertIfAbsent(account);
      return account;
    },

    async listAccounts(actor: Actor, page: Page): Promise<Account[]> {
      requireAdmin(actor);
      return accounts.list(page);
    },

    async renameAccount(actor: Actor, id: string | undefined, name: string): Promise<Account> {
      const { _id } = await findAccount(requireManager(actor), id);
      return accounts.change(_id, { name: requireName(name) });
    },

    async setAccountPlan(actor: Actor, id: string, plan: string): Promise<Account> {
      requireAdmin(actor);
      await requireAccountPlan(plan);
      return accounts.change(id, { plan });
    },

    /** Whoever logs in as this person is the account from then on; null ends that. Who was linked before is out. */
    async linkAccount(actor: Actor, id: string, subject: string | null): Promise<Account> {
      requireAdmin(actor);
      const login = subject === null ? null : requireLogin(issuer, subject);
      const { oidcSubject = null } = await findAccount(actor, id);
      return accounts.link(id, login, oidcSubject !== null && oidcSubject !== login ? new Date() : null);
    },

    /** Ends every session and login of an account; its keys go on. */
    async endSessions(actor: Actor, id: string | undefined): Promise<Account> {
      const { _id } = await findAccount(requireManager(actor), id);
      return accounts.change(_id, { sessionsSince: new Date() });
    },
  };
}

/** @throws KilnError unless the operator asks. */
export function requireAdmin(actor: Actor): void {
  if (actor.kind === 'admin') return;
  const code = actor.kind === 'anonymous' ? 'UNAUTHENTICATED' : 'FORBIDDEN';
  throw new KilnError(code, 'This is for the operator.', {
    hint: 'Send the admin token as "Authorization: Bearer …".',
  });
}

/** @throws KilnError unless the actor may change what belongs to an account. */
export function requireManager(actor: Actor): Actor {
  if (actor.kind !== 'admin') requireScope(actor, 'manage');
  return actor;
}

/** @throws KilnError NOT_FOUND for every account that is not the actor's own. */
export function requireAccountId(actor: Actor, id: string | undefined): string {
  if (actor.kind === 'admin') {
    if (id !== undefined) return id;
    throw new KilnError('INVALID_INPUT', 'Name the account: the operator has none.', {
      field: 'accountId',
    });
  }
  if (actor.kind !== 'account') {
    throw new KilnError('UNAUTHENTICATED', 'This needs an API key.', {
      hint: 'Send it in the X-API-Key header.',
    });
  }
  if (id !== undefined && id !== actor.accountId) throw noAccount();
  return actor.accountId;
}

function requireLogin(issuer: string | undefined, subject: string): string {
  if (issuer === undefined) {
    throw new KilnError('WRONG_STATE', 'There is no login server.', {
      hint: 'Set KILN_OIDC_ISSUER and KILN_OIDC_AUDIENCE.',
    });
  }
  if (isSubject(subject)) return loginKey({ issuer, subject });
  throw new KilnError('INVALID_INPUT', 'The subject must have 1 to 255 characters.', {
    field: 'subject',
  });
}

function noAccount(): KilnError {
  return new KilnError('NOT_FOUND', 'There is no such account.');
}
