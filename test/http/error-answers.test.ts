import { describe, expect, it } from 'vitest';
import { type ErrorCode, KilnError } from '../../src/domain/errors.ts';
import { answerKilnError as answerHttp } from '../../src/http/errors.ts';
import { answerKilnError as answerSwapmyfile } from '../../src/rest/swapmyfile/errors.ts';

const APIS = { http: answerHttp, swapmyfile: answerSwapmyfile } as const;

/** Every code's status by Kiln's own routes and by SwapMyFile; a new code does not compile without its line. */
const STATUSES: Record<ErrorCode, readonly [own: number, theirs: number]> = {
  INVALID_INPUT: [400, 400],
  INVALID_OPTION: [400, 400],
  UNKNOWN_CONVERTER: [404, 404],
  UNSUPPORTED_CONVERSION: [400, 404],
  TOO_LARGE: [413, 413],
  BLOCKED_ADDRESS: [400, 400],
  UNAUTHENTICATED: [401, 401],
  FORBIDDEN: [403, 403],
  NOT_FOUND: [404, 404],
  WRONG_STATE: [409, 409],
  IDEMPOTENCY_CONFLICT: [409, 409],
  INSUFFICIENT_CREDITS: [402, 402],
  EXPIRED: [410, 410],
  RATE_LIMITED: [429, 429],
  UPLOAD_EXPIRED: [410, 410],
  UPLOAD_MISSING: [409, 409],
  SIZE_MISMATCH: [409, 409],
  TYPE_MISMATCH: [409, 409],
  EMPTY_FILE: [409, 409],
  CORRUPT_INPUT: [422, 409],
  TOO_MANY_PIXELS: [422, 409],
  TOO_MANY_FRAMES: [422, 409],
  NOT_SUPPORTED: [422, 409],
  ENGINE_TIMEOUT: [422, 409],
  RESOURCE_LIMIT: [422, 409],
  ENGINE_CRASHED: [503, 503],
  CANCELLED: [400, 409],
  INSUFFICIENT_STORAGE: [507, 503],
  UNAVAILABLE: [503, 503],
  INTERNAL: [500, 500],
};
const CODES = Object.keys(STATUSES) as ErrorCode[];
const cause = new Error('mongodb://10.0.0.5 said no');

it.each(CODES)('%s has its own status by each API', (code) => {
  const statuses = Object.values(APIS).map(
    (answer) => answer(new KilnError(code, 'It did not work.')).status,
  );
  expect(statuses).toEqual(STATUSES[code]);
});

describe.each(Object.entries(APIS))('a failure by %s', (_api, answer) => {
  it.each(CODES)('%s shows its code and the message, and nothing of the cause', async (code) => {
    const response = answer(new KilnError(code, 'It did not work.', { field: 'jobs.3.other', cause }));
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({
      error: { code, message: 'It did not work.', field: 'jobs.3.other' },
    });
    for (const secret of ['mongodb', 'stack', '.ts:', 'cause']) expect(text).not.toContain(secret);
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  it.each<ErrorCode>([
    'UNAUTHENTICATED',
    'INSUFFICIENT_CREDITS',
    'FORBIDDEN',
    'NOT_FOUND',
    'WRONG_STATE',
    'SIZE_MISMATCH',
    'TOO_LARGE',
    'RATE_LIMITED',
  ])('%s says when to come again and how to put it right', async (code) => {
    const response = answer(new KilnError(code, 'It did not work.', { retryAfterSeconds: 7 }));
    expect(response.headers.get('retry-after')).toBe('7');
    expect(await response.json()).toMatchObject({ error: { hint: expect.stringMatching(/^[A-Z].*\.$/) } });
  });

  it('says when to ask again exactly where a part is away', () => {
    const waits = CODES.filter(
      (code) => answer(new KilnError(code, 'x')).headers.get('retry-after') !== null,
    );
    expect(waits).toEqual(CODES.filter((code) => answer(new KilnError(code, 'x')).status === 503));
    expect(answer(new KilnError('UNAVAILABLE', 'x')).headers.get('retry-after')).toBe('5');
  });
});

describe('what SwapMyFile says in its own way', () => {
  it('asks for a credential where one is missing, and only there', () => {
    const asking = CODES.filter(
      (code) => answerSwapmyfile(new KilnError(code, 'x')).headers.get('www-authenticate') === 'Bearer',
    );
    expect(asking).toEqual(['UNAUTHENTICATED']);
  });

  it.each([
    ['filename', 'inputFilename'],
    ['jobs.3.size', 'jobs.3.inputSize'],
    ['idempotencyKey', 'Idempotency-Key'],
    ['callbackUrl', 'callbackUrl'],
  ])('our field %s is its %s', async (field, theirs) => {
    const response = answerSwapmyfile(new KilnError('INVALID_INPUT', 'x', { field }));
    expect(await response.json()).toMatchObject({ error: { field: theirs } });
  });
});
