import { describe, expect, it } from 'vitest';
import { ERROR_CODES, type ErrorCode, isErrorCode, KilnError } from '../../src/domain/errors.ts';

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

  it('has one of the codes that are listed', () => {
    expect(CODES.every(isErrorCode)).toBe(true);
    for (const other of ['not_found', 'toString', '', 404, null]) expect(isErrorCode(other)).toBe(false);
  });
});
