import { KilnError } from '../errors.ts';
import { type Account, includesScope, type Scope } from './account.ts';

/** What a session may do at most: the scopes of the key that it comes from, some of them, or uploads. */
const SESSION_KINDS = {
  full: ['convert', 'read', 'manage'],
  'read-only': ['read'],
  'upload-only': ['upload'],
} as const satisfies Record<string, readonly Scope[]>;
export type SessionKind = keyof typeof SESSION_KINDS;

/** What a session's token says. */
export type SessionGrant = {
  /** `sessionsSince` of the account, in milliseconds, or 0: when it moves the session is over. */
  accountSince: number;
  scopes: readonly Scope[];
} & (
  | {
      keyId: string;
      /** `secretSince` of the key, in milliseconds: with a new secret the session is over. */
      keySince: number;
    }
  | { accountId: string }
);

const MAX_MINUTES = 12 * 60;
/** Nobody can revoke the login behind it, so a session from one is short. */
const MAX_LOGIN_MINUTES = 60;
/** No session lives longer. */
export const LONGEST_SESSION_MS = MAX_MINUTES * 60_000;
/** How long a session lives unless its maker says otherwise. */
export const DEFAULT_SESSION_MINUTES = 60;

/** @throws KilnError FORBIDDEN when the key could not do any of it itself. */
export function sessionScopes(kind: SessionKind, available: readonly Scope[]): Scope[] {
  const scopes = SESSION_KINDS[kind].filter((scope) => includesScope(available, scope));
  if (scopes.length > 0) return scopes;
  const needed = SESSION_KINDS[kind].join(' or ');
  throw new KilnError(
    'FORBIDDEN',
    `A ${kind} session needs the scope ${needed}, which your credential does not have.`,
    {
      field: 'kind',
      hint: `The kinds are ${Object.keys(SESSION_KINDS).join(', ')}.`,
    },
  );
}

/** @throws KilnError INVALID_INPUT */
export function requireSessionMinutes(minutes: number, via: 'key' | 'login'): number {
  const most = via === 'key' ? MAX_MINUTES : MAX_LOGIN_MINUTES;
  if (Number.isInteger(minutes) && minutes >= 1 && minutes <= most) return minutes;
  throw new KilnError('INVALID_INPUT', `A session from a ${via} lasts 1 to ${most} minutes.`, {
    field: 'minutes',
  });
}

/** What a session of the account has to name to count. */
export function accountSince({ sessionsSince }: Pick<Account, 'sessionsSince'>): number {
  return sessionsSince?.getTime() ?? 0;
}
