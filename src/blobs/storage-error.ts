import { KilnError } from '../domain/errors.ts';
import { systemCode } from '../system-code.ts';

/** Returns KilnError INSUFFICIENT_STORAGE for a full disk or quota, and any other error as it is. */
export function toStorageError(error: unknown): unknown {
  const code = systemCode(error);
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return new KilnError('INSUFFICIENT_STORAGE', 'There is no space left to store the file.', {
    cause: error,
  });
}
