import { KilnError } from '../domain/errors.ts';
import { systemCode } from '../system-code.ts';

/** Says that the disk is full, or that the quota is used up; passes anything else through as it is. */
export function toStorageError(error: unknown): unknown {
  const code = systemCode(error);
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return new KilnError('INSUFFICIENT_STORAGE', 'There is no space left to store the file.', {
    cause: error,
  });
}
