import type { Scope } from '../domain/account.ts';
import type { SessionGrant } from '../domain/session.ts';
import type { TokenSigner } from './signed-token.ts';

/** Account sessions as signed tokens: who holds one is the account, until it ends or its key does. */
export function createSessionTokens({ issueToken, readToken }: TokenSigner) {
  return {
    issueSession: ({ keyId, keySince, scopes }: SessionGrant, expiresAt: Date): string =>
      issueToken('session', { subject: keyId, expiresAt, claims: { keySince, scopes: scopes.join(' ') } }),

    readSession(token: string): SessionGrant | null {
      const grant = readToken('session', token, new Date());
      if (grant === 'invalid' || grant === 'expired') return null;
      const { keySince, scopes } = grant.claims;
      // Signed, so these are the claims that issueSession wrote.
      return {
        keyId: grant.subject,
        keySince: Number(keySince),
        scopes: String(scopes).split(' ') as Scope[],
      };
    },
  };
}
