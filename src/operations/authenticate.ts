import type { Caller } from '../domain/account.ts';
import { ConversionError } from '../domain/errors.ts';
import type { AccountRepository } from '../store/accounts.ts';
import type { ApiKeyRepository } from '../store/api-keys.ts';

/** A credential as it was presented, whatever the place that a dialect keeps it in. */
export type Credential = { kind: 'api-key'; apiKey: string } | { kind: 'guest-token'; token: string } | null;

export interface AuthenticatePorts {
  keys: ApiKeyRepository;
  accounts: AccountRepository;
  hashApiKey(apiKey: string): string;
  /** The guest that a signed token names, or null when it is not (or no longer) valid. */
  readGuestToken(token: string): string | null;
}

/** Who is asking. Nothing presented is anonymous; something wrong is refused, never downgraded. */
export function createAuthenticate({ keys, accounts, hashApiKey, readGuestToken }: AuthenticatePorts) {
  return async function authenticate(credential: Credential): Promise<Caller> {
    if (!credential) return { kind: 'anonymous' };
    if (credential.kind === 'guest-token') {
      const guestId = readGuestToken(credential.token);
      if (!guestId) throw new ConversionError('UNAUTHENTICATED', 'The token is not valid or has expired.');
      return { kind: 'guest', guestId };
    }
    const key = await keys.findBySecretHash(hashApiKey(credential.apiKey));
    const account = key && (await accounts.find(key.accountId));
    if (!account) throw new ConversionError('UNAUTHENTICATED', 'The API key is not valid.');
    return { kind: 'account', accountId: account._id, plan: account.plan };
  };
}
