import { describe, expect, it } from 'vitest';
import { ERROR_CODES, type ErrorCode, KilnError } from '../../src/domain/errors.ts';
import { answerFault as answerHttp } from '../../src/http/errors.ts';
import { answerFault as answerSwapmyfile } from '../../src/rest/swapmyfile/errors.ts';

const CODES = Object.keys(ERROR_CODES) as ErrorCode[];
const DOORS = { http: answerHttp, swapmyfile: answerSwapmyfile } as const;
const cause = new Error('mongodb://10.0.0.5 said no');

describe.each(Object.entries(DOORS))('a failure by the door %s', (_door, answer) => {
  it.each(CODES)('%s has a status, its code and the message, and nothing of the cause', async (code) => {
    const response = answer(new KilnError(code, 'It did not work.', { cause }));
    const text = await response.text();
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(JSON.parse(text)).toMatchObject({ error: { code, message: 'It did not work.' } });
    for (const secret of ['mongodb', 'stack', '.ts:', 'cause']) expect(text).not.toContain(secret);
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  it.each<[ErrorCode, number]>([
    ['UNAUTHENTICATED', 401],
    ['INSUFFICIENT_CREDITS', 402],
    ['FORBIDDEN', 403],
    ['NOT_FOUND', 404],
    ['WRONG_STATE', 409],
    ['SIZE_MISMATCH', 409],
    ['TOO_LARGE', 413],
    ['RATE_LIMITED', 429],
  ])('%s is %i and says how to put it right', async (code, status) => {
    const response = answer(new KilnError(code, 'It did not work.', { retryAfterSeconds: 7 }));
    expect(response.status).toBe(status);
    expect(response.headers.get('retry-after')).toBe('7');
    expect(await response.json()).toMatchObject({ error: { hint: expect.stringMatching(/^\S.*\.$|…".$/) } });
  });
});

describe('what the doors see differently', () => {
  it.each<[ErrorCode, number, number]>([
    ['CORRUPT_INPUT', 422, 409],
    ['UNSUPPORTED_CONVERSION', 400, 404],
    ['INSUFFICIENT_STORAGE', 507, 503],
    ['UNKNOWN_CONVERTER', 404, 404],
  ])('%s is %i by Kiln’s own routes and %i by SwapMyFile', (code, own, theirs) => {
    const error = new KilnError(code, 'It did not work.');
    expect([answerHttp(error).status, answerSwapmyfile(error).status]).toEqual([own, theirs]);
  });

  it('asks for a credential where one is missing, and for patience where a part is away', () => {
    const answers = (code: ErrorCode) =>
      Object.values(DOORS).map((answer) => answer(new KilnError(code, 'x')).headers);
    expect(answers('UNAUTHENTICATED')[1]?.get('www-authenticate')).toBe('Bearer');
    expect(answers('UNAVAILABLE').map((headers) => headers.get('retry-after'))).toEqual(['5', '5']);
  });
});
