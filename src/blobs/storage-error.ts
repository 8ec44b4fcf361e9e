import { KilnError } from '../domain/errors.ts';

/** Returns KilnError INSUFFICIENT_STORAGE for a full disk or quota, and any other error as it is. */
export function toStorageError(error: unknown): unknown {
  const code = codeOf(error);
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return error;
  return new KilnError('INSUFFICIENT_STORAGE', 'There is no space left to store the file.', {
    cause: error,
  });
}

/** Returns the system's code of a failed call, such as ENOENT; undefined if there is none. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
