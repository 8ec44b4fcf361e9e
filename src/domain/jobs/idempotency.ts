import { KilnError } from '../errors.ts';

/** What a caller has asked for under a key of their own. */
export interface IdempotencyRecord {
  /** `<owner>:<digest of the key>`. */
  _id: string;
  /** Of the request, as only who knows the key can make it. */
  digest: string;
  /** The id of what comes of the request, be it there yet or not. */
  subjectId: string;
  expiresAt: Date;
}

/** So long the same key means the same request. */
export const IDEMPOTENCY_MS = 24 * 3_600_000;

const KEY = /^[\x20-\x7e]{1,255}$/;

/** @throws KilnError INVALID_INPUT unless it is 1 to 255 printable ASCII characters. */
export function requireIdempotencyKey(key: string): string {
  if (KEY.test(key)) return key;
  throw new KilnError('INVALID_INPUT', 'An idempotency key has 1 to 255 printable ASCII characters.', {
    field: 'idempotencyKey',
    hint: 'A random UUID does well.',
  });
}

/** The same text for the same values, in whatever order their fields were given. */
export function canonicalText(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([left], [right]) => (left < right ? -1 : 1)))
      : part,
  );
}
