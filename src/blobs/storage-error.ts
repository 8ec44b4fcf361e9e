import { KilnError } from '../domain/errors.ts';

/** Says that the disk is full, or that the quota is used up; passes anything else through as it is. */
export function toStorageError(error: unknown): unknown {
  const code = codeOf(error);
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return new KilnError('INSUFFICIENT_STORAGE', 'There is no space left to store the file.', {
    cause: error,
  });
}

/** The system's own code of a failed call, such as ENOENT. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
