import { describe, expect, it } from 'vitest';
import { isAwaited, isReceived, openUploadId, uploadsAmong } from '../../../src/domain/files/file.ts';
import { anUpload } from '../../support/records.ts';

const NOW = Date.now();

describe('an upload', () => {
  it.each([
    ['open', true],
    ['received', true],
    ['finalized', false],
    ['rejected', false],
  ] as const)('that is %s is awaited until its time is over: %s', (state, awaited) => {
    expect(isAwaited({ state, expiresAt: new Date(NOW + 1) }, NOW)).toBe(awaited);
    expect(isAwaited({ state, expiresAt: new Date(NOW) }, NOW)).toBe(false);
  });

  it('is received once its bytes are there and measured', () => {
    const received = { size: 1, sha256: '00' };
    expect(isReceived(anUpload({ blobId: 'blob', received }))).toBe(true);
    expect(isReceived(anUpload({ blobId: 'blob' }))).toBe(false);
    expect(isReceived(anUpload({ received }))).toBe(false);
  });

  it('without a job is told from the jobs that are awaited', () => {
    expect(uploadsAmong(['job', openUploadId({ _id: 'a' }), 'upload', openUploadId({ _id: 'b' })])).toEqual([
      'a',
      'b',
    ]);
  });
});
