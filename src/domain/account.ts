import type { Credits } from './credits.ts';

/** Credits are absent until something was given. */
export interface Account extends Partial<Credits> {
  _id: string;
  name: string;
  plan: string;
  createdAt: Date;
}

/** A key as stored: the secret part is known by its SHA-256 only, the signing secret is sealed. */
export interface ApiKey {
  _id: string;
  accountId: string;
  name: string;
  /** The first characters, so that a person can tell keys apart. */
  prefix: string;
  /** Lower-case hex SHA-256 of the whole key. */
  secretHash: string;
  publicKey: string;
  sealedSecretKey: string;
  createdAt: Date;
  revokedAt: Date | null;
}

/** Who is asking. A guest is known by a signed token only and owns what was made with it. */
export type Caller =
  | { kind: 'account'; accountId: string; plan: string }
  | { kind: 'guest'; guestId: string }
  | { kind: 'anonymous' };

/** A caller, or the operator, who has no account and may administer all of them. */
export type Actor = Caller | { kind: 'admin' };
