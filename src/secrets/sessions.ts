import type { Scope } from '../domain/access/account.ts';
import type { SessionGrant } from '../domain/access/session.ts';
import type { TokenSigner } from './signed-token.ts';

/** Issues and reads account sessions as signed tokens, which open the account until the session or its key ends. */
export function createSessionTokens({ issueToken, readToken }: TokenSigner) {
  return {
    issueSession(grant: SessionGrant, expiresAt: Date): string {
      const { accountSince, scopes } = grant;
      const claims = { accountSince, scopes: scopes.join(' ') };
      return 'keyId' in grant
        ? issueToken('session', {
            subject: grant.keyId,
            expiresAt,
            claims: { ...claims, keySince: grant.keySince },
          })
        : issueToken('session', { subject: grant.accountId, expiresAt, claims });
    },

    readSession(token: string): SessionGrant | null {
      const grant = readToken('session', token, new Date());
      if (grant === 'invalid' || grant === 'expired') return null;
      const { subject, claims } = grant;
      // Trusts the claims, which are signed; sessions of older versions have only the key's id.
      const known = {
        accountSince: Number(claims.accountSince ?? 0),
        scopes: String(claims.scopes).split(' ') as Scope[],
      };
      return claims.keySince === undefined
        ? { ...known, accountId: subject }
        : { ...known, keyId: subject, keySince: Number(claims.keySince) };
    },
  };
}
