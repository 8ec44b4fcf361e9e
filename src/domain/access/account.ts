import type { Credits } from '../credits/credits.ts';
import type { KeyDialect } from '../dialect.ts';
import { KilnError } from '../errors.ts';
import type { KeyRestriction } from './key-restriction.ts';

/** Credits are absent until something was given. */
export interface Account extends Partial<Credits> {
  _id: string;
  name: string;
  plan: string;
  /** The job that took its credits below the line at which its owner is told; absent above it. */
  lowCause?: string;
  /** When to look whether what was moved last has come to its end; absent while nothing is under way. */
  repairAt?: Date;
  /** The last month whose credits it has had, such as `2026-11`. */
  grantedMonth?: string;
  createdAt: Date;
  /** The person of a login server whose logins are this account's, see `loginKey`. */
  oidcSubject?: string;
  /** Sessions and logins from before are over; absent until somebody ended them all. */
  sessionsSince?: Date;
}

/** What a credential lets its bearer do. `upload` is the part of `convert` that only brings files. */
export type Scope = 'convert' | 'read' | 'manage' | 'upload';

/** The scopes that a key may have. */
export const KEY_SCOPES = ['convert', 'read', 'manage'] as const satisfies readonly Scope[];
export type KeyScope = (typeof KEY_SCOPES)[number];

/** How much of a key is kept to tell it from others: its prefix and four characters. */
export function shownPrefix(apiKey: string): string {
  return apiKey.slice(0, apiKey.lastIndexOf('_live_') + '_live_'.length + 4);
}

/** A key as stored: the secret part is known by its SHA-256 only, the signing secret is sealed. */
export interface ApiKey {
  _id: string;
  accountId: string;
  name: string;
  dialect: KeyDialect;
  /** The first characters, so that a person can tell keys apart. */
  prefix: string;
  /** Lower-case hex SHA-256 of the whole key. */
  secretHash: string;
  publicKey: string;
  sealedSecretKey: string;
  scopes: KeyScope[];
  restriction: KeyRestriction;
  createdAt: Date;
  /** When the present secret was made; sessions that were minted before are over. */
  secretSince: Date;
  revokedAt: Date | null;
  /** Written in batches, so up to ten seconds behind. */
  lastUsedAt: Date | null;
  usageCount: number;
}

/** Who is asking. A guest is known by a signed token only and owns what was made with it. */
export type Caller =
  | {
      kind: 'account';
      accountId: string;
      plan: string;
      /** A session comes from a key, and is over when that is revoked, or from a login (OIDC). */
      via: 'key' | 'session' | 'login';
      /** The key behind it; null for a login and its sessions. */
      keyId: string | null;
      scopes: readonly Scope[];
      /** That of the key behind it, also for a session, which is used elsewhere; absent for a login. */
      restriction?: KeyRestriction;
    }
  | { kind: 'guest'; guestId: string }
  | { kind: 'anonymous' };

/** A caller, or the operator, who has no account and may administer all of them. */
export type Actor = Caller | { kind: 'admin' };

/**
 * Lets an account's credential pass when it has one of the scopes; guests have none and need none.
 * @throws KilnError FORBIDDEN
 */
export function requireScope(caller: Caller, ...anyOf: [Scope, ...Scope[]]): void {
  if (caller.kind !== 'account' || anyOf.some((scope) => includesScope(caller.scopes, scope))) return;
  throw new KilnError(
    'FORBIDDEN',
    `This credential does not have the scope ${anyOf.map((scope) => `"${scope}"`).join(' or ')}.`,
    {
      hint: 'Use a key that has it.',
    },
  );
}

/** Whoever may convert may bring the files for it. */
export function includesScope(scopes: readonly Scope[], scope: Scope): boolean {
  return scopes.includes(scope) || (scope === 'upload' && scopes.includes('convert'));
}

/** Whether results and what leads to them may be shown: who only manages an account does not see its files. */
export function seesResults(actor: Actor): boolean {
  if (actor.kind !== 'account') return true;
  return includesScope(actor.scopes, 'read') || includesScope(actor.scopes, 'convert');
}

const MAX_NAME = 80;

/** @throws KilnError INVALID_INPUT unless people can tell things apart by this name. */
export function requireName(name: string): string {
  const trimmed = name.trim();
  if (trimmed.length > 0 && trimmed.length <= MAX_NAME) return trimmed;
  throw new KilnError('INVALID_INPUT', `The name must have 1 to ${MAX_NAME} characters.`, {
    field: 'name',
  });
}
