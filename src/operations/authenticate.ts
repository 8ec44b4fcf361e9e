import type { ApiKey, Caller } from '../domain/account.ts';
import { type Sender, UNKNOWN_SENDER } from '../domain/client-address.ts';
import { ConversionError } from '../domain/errors.ts';
import { isAllowedBy } from '../domain/key-restriction.ts';
import type { SessionGrant } from '../domain/session.ts';
import type { AccountRepository } from '../store/accounts.ts';
import type { ApiKeyRepository } from '../store/api-keys.ts';

/** A credential as it was presented, whatever the place that a dialect keeps it in. */
export type Credential = { kind: 'api-key'; apiKey: string } | { kind: 'token'; token: string } | null;

export interface AuthenticatePorts {
  keys: Pick<ApiKeyRepository, 'find' | 'findBySecretHash'>;
  accounts: Pick<AccountRepository, 'find'>;
  hashApiKey(apiKey: string): string;
  /** The guest that a signed token names, or null when it is not (or no longer) valid. */
  readGuestToken(token: string): string | null;
  /** The session that a signed token carries, or null when it is not (or no longer) valid. */
  readSession(token: string): SessionGrant | null;
  /** The address of a sender, as far as it can be believed. */
  addressOf(sender: Sender): string | null;
  noteUse(keyId: string): void;
}

/**
 * Who is asking. Nothing presented is anonymous; something wrong is refused, never downgraded.
 * Nothing is remembered between two calls, so a revocation counts for the very next one.
 */
export function createAuthenticate(ports: AuthenticatePorts) {
  const { keys, hashApiKey, readGuestToken, readSession, addressOf, noteUse } = ports;

  async function accountOf(key: ApiKey) {
    const account = await ports.accounts.find(key.accountId);
    if (!account) throw refused('The API key is not valid.');
    return { kind: 'account', accountId: account._id, plan: account.plan, keyId: key._id } as const;
  }

  async function bySession({ keyId, keySince, scopes }: SessionGrant): Promise<Caller> {
    const key = await keys.find(keyId);
    if (!key || key.revokedAt !== null || keySince !== key.secretSince.getTime())
      throw refused('The session is over: its key was revoked or rotated.');
    return { ...(await accountOf(key)), via: 'session', scopes };
  }

  async function byToken(token: string): Promise<Caller> {
    const session = readSession(token);
    if (session) return bySession(session);
    const guestId = readGuestToken(token);
    if (!guestId) throw refused('The token is not valid or has expired.');
    return { kind: 'guest', guestId };
  }

  /** @param again true for a look whether a credential still holds, which is no use of it. */
  return async function authenticate(
    credential: Credential,
    sender: Sender = UNKNOWN_SENDER,
    { again = false }: { again?: boolean } = {},
  ): Promise<Caller> {
    if (!credential) return { kind: 'anonymous' };
    if (credential.kind === 'token') return byToken(credential.token);
    const key = await keys.findBySecretHash(hashApiKey(credential.apiKey));
    if (!key) throw refused('The API key is not valid.');
    if (!isAllowedBy(key.restriction, { ...sender, address: addressOf(sender) })) throw misplaced(key);
    const account = await accountOf(key);
    if (!again) noteUse(key._id);
    return { ...account, via: 'key', scopes: key.scopes };
  };
}

function refused(message: string): ConversionError {
  return new ConversionError('UNAUTHENTICATED', message);
}

function misplaced({ restriction }: ApiKey): ConversionError {
  const what = restriction.type === 'domain' ? 'from this domain' : 'from this address';
  return new ConversionError('FORBIDDEN', `This key may not be used ${what}.`, {
    hint: 'Call from where the key is allowed, or make a key with another restriction.',
  });
}
