import { describe, expect, it } from 'vitest';
import type { StoredFile } from '../../../src/domain/files/file.ts';
import { createQuote } from '../../../src/operations/credits/quote.ts';
import { refusalOf } from '../../support/money.ts';
import { aFile, anAccountCaller } from '../../support/records.ts';

const FREE = { perMinute: 0, minimum: 0, ceiling: 0 };
const caller = anAccountCaller({ accountId: 'a' });

const quoteOver = (file: Partial<StoredFile>) =>
  createQuote({ files: { get: async () => aFile({ owner: 'account:a', ...file }) } });
/** What is told of a stored file that is like this. */
const ofFile = (file: Partial<StoredFile>, as = caller) =>
  quoteOver(file)(as, { input: { fileId: 'x' }, target: 'WebP' });
/** What is told before there is a file. */
const ofFormat = (source: string, target: string) =>
  quoteOver({})(caller, { input: { source, seconds: 9999 }, target });

describe('a quote', () => {
  it('for a format is what it costs at most', async () => {
    expect(await ofFormat('heic', 'WebP')).toEqual({ ...FREE, exact: false });
  });

  it('for a file is exact once a job has looked at it, and goes by its name until then', async () => {
    expect(await ofFile({ format: 'png', filename: 'called.heic' })).toEqual({ ...FREE, exact: true });
    expect(await ofFile({ format: null, filename: 'photo.png' })).toEqual({ ...FREE, exact: false });
    expect(await refusalOf(ofFile({ format: null, filename: 'photo' }))).toBe('UNSUPPORTED_CONVERSION');
  });

  it.each([
    ['png', 'nonsense'],
    ['nonsense', 'png'],
  ])('is refused for %s to %s', async (source, target) => {
    expect(await refusalOf(ofFormat(source, target))).toBe('UNSUPPORTED_CONVERSION');
  });

  it('needs a file of one’s own, and a scope', async () => {
    expect(await refusalOf(ofFile({ format: 'png' }, anAccountCaller({ accountId: 'b' })))).toBe('NOT_FOUND');
    expect(await refusalOf(ofFile({ format: 'png' }, { ...caller, scopes: ['manage'] }))).toBe('FORBIDDEN');
  });
});
