import { describe, expect, it } from 'vitest';
import { ERROR_CODES, type ErrorCode, isErrorCode, KilnError, ofPart } from '../../src/domain/errors.ts';

const CODES = Object.keys(ERROR_CODES) as ErrorCode[];

describe('a failure', () => {
  it('may pass by itself only where the world around us is not well', () => {
    expect(CODES.filter((code) => new KilnError(code, 'x').retryable)).toEqual([
      'RATE_LIMITED',
      'ENGINE_CRASHED',
      'INSUFFICIENT_STORAGE',
      'UNAVAILABLE',
      'INTERNAL',
    ]);
    expect(new KilnError('UNAVAILABLE', 'x', { retryable: false }).retryable).toBe(false);
  });

  it('carries what it was told, and the usual hint where it was told none', () => {
    const cause = new Error('why');
    const details = { field: 'size', hint: 'Do this.', retryAfterSeconds: 3, cause };
    expect(new KilnError('NOT_FOUND', 'x', details)).toMatchObject({
      code: 'NOT_FOUND',
      message: 'x',
      ...details,
    });
    expect(new KilnError('NOT_FOUND', 'x').hint).toMatch(/^Check the id/);
    expect(new KilnError('INTERNAL', 'x')).toMatchObject({ hint: undefined, field: undefined });
    expect('cause' in new KilnError('INTERNAL', 'x')).toBe(false);
  });

  it('of one part of a request names the part, and says all else as before', () => {
    const cause = new Error('why');
    const details = { hint: 'Wait.', retryAfterSeconds: 3, retryable: false, cause } as const;
    const error = ofPart('jobs.3', new KilnError('RATE_LIMITED', 'Too many.', { field: 'size', ...details }));
    expect(error).toBeInstanceOf(KilnError);
    expect(error).toMatchObject({
      code: 'RATE_LIMITED',
      message: 'Too many.',
      field: 'jobs.3.size',
      ...details,
    });
    expect(ofPart('jobs.3', new KilnError('TOO_LARGE', 'Too large.'), 'Job 4: ')).toMatchObject({
      message: 'Job 4: Too large.',
      field: 'jobs.3',
      retryable: false,
    });
    expect(ofPart('jobs.3', cause)).toBe(cause);
  });

  it('has one of the codes that are listed', () => {
    expect(CODES.every(isErrorCode)).toBe(true);
    for (const other of ['not_found', 'toString', '', 404, null]) expect(isErrorCode(other)).toBe(false);
  });
});
