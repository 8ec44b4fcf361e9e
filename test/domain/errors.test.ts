import { describe, expect, it } from 'vitest';
import { parsePlanChanges } from '../../src/domain/access/account-plan.ts';
import { parseRestriction } from '../../src/domain/access/key-restriction.ts';
import { requireSessionMinutes, sessionScopes } from '../../src/domain/access/session.ts';
import { requireBatchSize } from '../../src/domain/batches/batch.ts';
import { ERROR_CODES, type ErrorCode, isErrorCode, KilnError, ofPart } from '../../src/domain/errors.ts';
import { parseOptions } from '../../src/domain/options/image.ts';
import { requireDescription, requireShortUrl } from '../../src/domain/webhooks/endpoint.ts';
import { parseSubscriptions } from '../../src/domain/webhooks/webhook-event.ts';

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
    const details = { hint: 'Wait.', retryAfterSeconds: 3, retryable: false } as const;
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

  it('can be told as one about another field', () => {
    const error = new KilnError('BLOCKED_ADDRESS', 'No.', { field: 'url', hint: 'Try another.' });
    expect(error.about('callbackUrl')).toMatchObject({
      code: 'BLOCKED_ADDRESS',
      message: 'No.',
      field: 'callbackUrl',
      hint: 'Try another.',
      cause: error,
    });
    expect(new KilnError('INTERNAL', 'No.').about('f').hint).toBeUndefined();
  });

  it('has one of the codes that are listed', () => {
    expect(CODES.every(isErrorCode)).toBe(true);
    for (const other of ['not_found', 'toString', '', 404, null]) expect(isErrorCode(other)).toBe(false);
  });
});

describe('what is wrong is said with what would be right', () => {
  it.each<[string, () => unknown, string, string]>([
    [
      'the events of an endpoint',
      () => parseSubscriptions(['job.redy']),
      '"job.redy" is no event.',
      'Did you mean job.ready?',
    ],
    ['no event at all', () => parseSubscriptions([]), 'at least one event', 'job.created, job.ready'],
    ['a term of a plan', () => parsePlanChanges({ colour: 1 }), 'colour', 'api, swapmyfileApi, batches'],
    ['the range of a term', () => parsePlanChanges({ concurrency: 0 }), '>=1', 'callsPerMinute'],
    ['the kind of a session', () => sessionScopes('read-only', ['manage']), 'the scope read', 'upload-only'],
    ['the minutes of a session', () => requireSessionMinutes(0, 'key'), '1 to 720 minutes', ''],
    ['the entries of a restriction', () => parseRestriction({ ip: [] }), '1 to 100 entries, not 0', ''],
    ['the size of a batch', () => requireBatchSize(26, 25), '1 to 25 jobs, not 26', 'several batches'],
    ['an empty batch', () => requireBatchSize(0), 'not 0', 'at least one job'],
    ['a description', () => requireDescription('x'.repeat(201)), 'at most 200 characters, not 201', ''],
    [
      'the URL of an endpoint',
      () => requireShortUrl('x'.repeat(2001)),
      'at most 2000 characters, not 2001',
      '',
    ],
    ['an option', () => parseOptions('image', { widht: 1 }), '"widht"', 'Did you mean width?'],
  ])('%s', (_name, ask, message, hint) => {
    expect(ask).toThrow(
      expect.objectContaining({
        message: expect.stringContaining(message),
        ...(hint !== '' && { hint: expect.stringContaining(hint) }),
      }),
    );
  });
});
