import { includesScope, type Scope } from './account.ts';
import { ConversionError } from './errors.ts';

/** What a session may do at most: the scopes of the key that it comes from, some of them, or uploads. */
export const SESSION_KINDS = {
  full: ['convert', 'read', 'manage'],
  'read-only': ['read'],
  'upload-only': ['upload'],
} as const satisfies Record<string, readonly Scope[]>;
export type SessionKind = keyof typeof SESSION_KINDS;

/** What a session's token says. */
export interface SessionGrant {
  keyId: string;
  /** `secretSince` of the key, in milliseconds: with a new secret the session is over. */
  keySince: number;
  scopes: readonly Scope[];
}

const MAX_MINUTES = 12 * 60;
/** How long a session lives unless its maker says otherwise. */
export const DEFAULT_SESSION_MINUTES = 60;

/** @throws ConversionError FORBIDDEN when the key could not do any of it itself. */
export function sessionScopes(kind: SessionKind, available: readonly Scope[]): Scope[] {
  const scopes = SESSION_KINDS[kind].filter((scope) => includesScope(available, scope));
  if (scopes.length > 0) return scopes;
  throw new ConversionError(
    'FORBIDDEN',
    `A ${kind} session needs a scope that your credential does not have.`,
    {
      field: 'kind',
    },
  );
}

/** @throws ConversionError INVALID_INPUT */
export function requireSessionMinutes(minutes: number): number {
  if (Number.isInteger(minutes) && minutes >= 1 && minutes <= MAX_MINUTES) return minutes;
  throw new ConversionError('INVALID_INPUT', `A session lasts 1 to ${MAX_MINUTES} minutes.`, {
    field: 'minutes',
  });
}
