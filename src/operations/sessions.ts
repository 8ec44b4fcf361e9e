import type { Actor } from '../domain/account.ts';
import { ConversionError } from '../domain/errors.ts';
import {
  requireSessionMinutes,
  type SessionGrant,
  type SessionKind,
  sessionScopes,
} from '../domain/session.ts';
import type { ApiKeyRepository } from '../store/api-keys.ts';

export interface SessionsPorts {
  keys: Pick<ApiKeyRepository, 'find'>;
  issueSession(grant: SessionGrant, expiresAt: Date): string;
}

/** A token that goes as Bearer, and when it ends. */
export interface Session {
  token: string;
  expiresAt: Date;
}

/** Short-lived tokens that a server gives to its browsers instead of its key. */
export function createSessions({ keys, issueSession }: SessionsPorts) {
  return {
    /** A session never begets another one: it would never have to end. */
    async createSession(actor: Actor, kind: SessionKind, minutes: number): Promise<Session> {
      if (actor.kind !== 'account' || actor.via !== 'key') {
        throw new ConversionError('UNAUTHENTICATED', 'A session is made with an API key.', {
          hint: 'Send the key in the X-API-Key header.',
        });
      }
      const { keyId } = actor;
      const scopes = sessionScopes(kind, actor.scopes);
      const expiresAt = new Date(Date.now() + requireSessionMinutes(minutes) * 60_000);
      const key = await keys.find(keyId);
      if (!key) throw new ConversionError('NOT_FOUND', 'There is no such key.');
      const keySince = key.secretSince.getTime();
      return { token: issueSession({ keyId, keySince, scopes }, expiresAt), expiresAt };
    },
  };
}
