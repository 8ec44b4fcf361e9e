import { type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { isSubject, type Login } from '../domain/access/login.ts';
import { KilnError } from '../domain/errors.ts';

/** Whose tokens are accepted, and for which audience they must be made. */
interface LoginRules {
  issuer: string;
  audience: string;
  /** The claim that may name a Kiln account. */
  accountClaim: string;
}

interface LoginsOptions extends LoginRules {
  findKey: JWTVerifyGetKey;
  now?: () => number;
}

/** Private-key algorithms only: with a shared key, whoever verifies could also sign. */
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA'];
const LEEWAY_SECONDS = 30;
/** Types of access tokens: those of a logout, an event or a proof have the same signer and are no login. */
const TYPES: readonly unknown[] = [undefined, 'jwt', 'at+jwt', 'application/jwt', 'application/at+jwt'];

/** Builds the reader of bearer tokens (JWT) of one login server. */
export function createLoginReader(options: LoginsOptions): (token: string) => Promise<Login | null> {
  const { issuer, audience, findKey, now = Date.now } = options;

  /**
   * Reads a token. Returns null if it is not, or no longer, valid.
   * @throws KilnError UNAVAILABLE when that cannot be found out.
   */
  return async function readLogin(token) {
    try {
      const { payload, protectedHeader } = await jwtVerify(token, findKey, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        clockTolerance: LEEWAY_SECONDS,
        currentDate: new Date(now()),
        requiredClaims: ['exp', 'iat', 'sub'],
      });
      const type = protectedHeader.typ?.toLowerCase();
      return TYPES.includes(type) ? loginOf(payload, options, now()) : null;
    } catch (error) {
      if (error instanceof KilnError) throw error;
      return null;
    }
  };
}

function loginOf(payload: JWTPayload, { issuer, accountClaim }: LoginRules, now: number): Login | null {
  const { sub: subject, iat = Number.POSITIVE_INFINITY, cnf } = payload;
  const accountId = payload[accountClaim] ?? null;
  // Issued in the future, it would outlive the end of all sessions; bound to a key (RFC 7800), it is no bearer token.
  const isOdd = iat * 1000 > now + LEEWAY_SECONDS * 1000 || cnf !== undefined;
  if (isOdd || !isSubject(subject) || (accountId !== null && typeof accountId !== 'string')) return null;
  return { issuer, subject, accountId, issuedAt: new Date(iat * 1000) };
}
