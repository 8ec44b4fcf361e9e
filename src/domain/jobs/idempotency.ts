import { KilnError } from '../errors.ts';

/** A request that a caller made under an idempotency key. */
export interface IdempotencyRecord {
  /** `<owner>:<digest of the key>`. */
  _id: string;
  /** HMAC of the request under the caller's key. */
  digest: string;
  /** The id of the job or batch that the request creates; it may not be written yet. */
  subjectId: string;
  expiresAt: Date;
}

/** Milliseconds for which a key stands for the same request. */
export const IDEMPOTENCY_MS = 24 * 3_600_000;

const KEY = /^[\x20-\x7e]{1,255}$/;

/** Returns the key. @throws KilnError INVALID_INPUT unless it is 1 to 255 printable ASCII characters. */
export function requireIdempotencyKey(key: string): string {
  if (KEY.test(key)) return key;
  throw new KilnError('INVALID_INPUT', 'An idempotency key has 1 to 255 printable ASCII characters.', {
    field: 'idempotencyKey',
    hint: 'A random UUID does well.',
  });
}

/** Returns JSON with sorted fields: equal values give equal texts. */
export function canonicalText(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([left], [right]) => (left < right ? -1 : 1)))
      : part,
  );
}
