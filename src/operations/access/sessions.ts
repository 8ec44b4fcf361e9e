import type { Actor } from '../../domain/access/account.ts';
import {
  accountSince,
  requireSessionMinutes,
  type SessionGrant,
  type SessionKind,
  sessionScopes,
} from '../../domain/access/session.ts';
import { KilnError } from '../../domain/errors.ts';
import type { AccountRepository } from '../../store/accounts.ts';
import type { ApiKeyRepository } from '../../store/api-keys.ts';

export interface SessionsPorts {
  keys: Pick<ApiKeyRepository, 'find'>;
  accounts: Pick<AccountRepository, 'find'>;
  issueSession(grant: SessionGrant, expiresAt: Date): string;
}

type Owner = Extract<Actor, { kind: 'account' }>;

/** A token that goes as Bearer, and when it ends. */
export interface Session {
  token: string;
  expiresAt: Date;
}

/** Short-lived tokens that a server, or a person who has logged in, gives to browsers. */
export function createSessions({ keys, accounts, issueSession }: SessionsPorts) {
  async function grantOf({ accountId, keyId }: Owner, scopes: SessionGrant['scopes']): Promise<SessionGrant> {
    const account = await accounts.find(accountId);
    if (!account) throw new KilnError('NOT_FOUND', 'There is no such account.');
    const known = { accountSince: accountSince(account), scopes };
    if (keyId === null) return { ...known, accountId };
    const key = await keys.find(keyId);
    if (!key) throw new KilnError('NOT_FOUND', 'There is no such key.');
    return { ...known, keyId, keySince: key.secretSince.getTime() };
  }

  return {
    /** A session never begets another one: it would never have to end. */
    async createSession(actor: Actor, kind: SessionKind, minutes: number): Promise<Session> {
      if (actor.kind !== 'account' || actor.via === 'session') {
        throw new KilnError('UNAUTHENTICATED', 'A session is made with an API key or a login.', {
          hint: 'Send the key in the X-API-Key header, or the token of the login as Bearer.',
        });
      }
      const scopes = sessionScopes(kind, actor.scopes);
      const expiresAt = new Date(Date.now() + requireSessionMinutes(minutes, actor.via) * 60_000);
      return { token: issueSession(await grantOf(actor, scopes), expiresAt), expiresAt };
    },
  };
}
