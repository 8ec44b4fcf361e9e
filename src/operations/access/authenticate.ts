import { type Account, type ApiKey, type Caller, KEY_SCOPES } from '../../domain/access/account.ts';
import { type Sender, UNKNOWN_SENDER } from '../../domain/access/client-address.ts';
import { isAllowedBy } from '../../domain/access/key-restriction.ts';
import { type Login, loginKey } from '../../domain/access/login.ts';
import { accountSince, type SessionGrant } from '../../domain/access/session.ts';
import { KilnError } from '../../domain/errors.ts';
import type { AccountRepository } from '../../store/accounts.ts';
import type { ApiKeyRepository } from '../../store/api-keys.ts';

/** A credential as it was presented, whatever the place that a dialect keeps it in. */
export type Credential =
  | { kind: 'api-key'; apiKey: string }
  | { kind: 'token'; token: string }
  | { kind: 'jwt'; jwt: string }
  | null;

export interface AuthenticatePorts {
  keys: Pick<ApiKeyRepository, 'find' | 'findBySecretHash'>;
  accounts: Pick<AccountRepository, 'find' | 'findByLogin'>;
  hashApiKey(apiKey: string): string;
  /** The guest that a signed token names, or null when it is not (or no longer) valid. */
  readGuestToken(token: string): string | null;
  /** The session that a signed token carries, or null when it is not (or no longer) valid. */
  readSession(token: string): SessionGrant | null;
  /**
   * The login that a JWT proves, or null when it is not (or no longer) valid.
   * @throws KilnError UNAVAILABLE when the login server does not answer.
   */
  readLogin(jwt: string): Promise<Login | null>;
  /** The address of a sender, as far as it can be believed. */
  addressOf(sender: Sender): string | null;
  noteUse(keyId: string): void;
}

/**
 * Who is asking. Nothing presented is anonymous; something wrong is refused, never downgraded.
 * Nothing is remembered between two calls, so a revocation counts for the very next one.
 */
export function createAuthenticate(ports: AuthenticatePorts) {
  const { keys, accounts, hashApiKey, readGuestToken, readSession, readLogin, addressOf, noteUse } = ports;

  async function accountOf(id: string): Promise<Account> {
    const account = await accounts.find(id);
    if (!account) throw unauthenticated('The API key is not valid.');
    return account;
  }

  async function keyOf(session: SessionGrant): Promise<ApiKey | null> {
    if (!('keyId' in session)) return null;
    const key = await keys.find(session.keyId);
    if (key && key.revokedAt === null && session.keySince === key.secretSince.getTime()) return key;
    throw unauthenticated('The session is over: its key was revoked or rotated.');
  }

  async function bySession(session: SessionGrant): Promise<Caller> {
    const key = await keyOf(session);
    const account = await accountOf('keyId' in session ? (key?.accountId ?? '') : session.accountId);
    if (session.accountSince !== accountSince(account)) throw ended();
    const bounds = key && { restriction: key.restriction };
    return { ...callerOf(account, key?._id ?? null), via: 'session', scopes: session.scopes, ...bounds };
  }

  async function byLogin(jwt: string): Promise<Caller> {
    const login = await readLogin(jwt);
    if (!login) throw unauthenticated('The token is not valid or has expired.');
    const { accountId, issuedAt } = login;
    const account = await (accountId === null
      ? accounts.findByLogin(loginKey(login))
      : accounts.find(accountId));
    if (!account) throw unlinked();
    if (issuedAt.getTime() < accountSince(account)) throw ended();
    return { ...callerOf(account, null), via: 'login', scopes: KEY_SCOPES };
  }

  async function byToken(token: string): Promise<Caller> {
    const session = readSession(token);
    if (session) return bySession(session);
    const guestId = readGuestToken(token);
    if (!guestId) throw unauthenticated('The token is not valid or has expired.');
    return { kind: 'guest', guestId };
  }

  /** @param again true for a look whether a credential still holds, which is no use of it. */
  return async function authenticate(
    credential: Credential,
    sender: Sender = UNKNOWN_SENDER,
    { again = false }: { again?: boolean } = {},
  ): Promise<Caller> {
    if (!credential) return { kind: 'anonymous' };
    if (credential.kind === 'jwt') return byLogin(credential.jwt);
    if (credential.kind === 'token') return byToken(credential.token);
    const key = await keys.findBySecretHash(hashApiKey(credential.apiKey));
    if (!key) throw unauthenticated('The API key is not valid.');
    if (!isAllowedBy(key.restriction, { ...sender, address: addressOf(sender) })) throw misplaced(key);
    const account = await accountOf(key.accountId);
    if (!again) noteUse(key._id);
    const { scopes, restriction } = key;
    return { ...callerOf(account, key._id), via: 'key', scopes, restriction };
  };
}

function callerOf({ _id, plan }: Account, keyId: string | null) {
  return { kind: 'account', accountId: _id, plan, keyId } as const;
}

function ended(): KilnError {
  return unauthenticated('The session is over: all sessions of the account were ended.');
}

/** The same words whether the account that a token names is unknown or the person is. */
function unlinked(): KilnError {
  return new KilnError('FORBIDDEN', 'This login belongs to no account.', {
    hint: 'Ask the operator to link it.',
  });
}

function unauthenticated(message: string): KilnError {
  return new KilnError('UNAUTHENTICATED', message);
}

function misplaced({ restriction }: ApiKey): KilnError {
  const what = restriction.type === 'domain' ? 'from this domain' : 'from this address';
  return new KilnError('FORBIDDEN', `This key may not be used ${what}.`, {
    hint: 'Call from where the key is allowed, or make a key with another restriction.',
  });
}
