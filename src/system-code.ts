/** Returns the code that the system or a library gave an error, such as ENOENT; undefined if it has none. */
export function systemCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === undefined || code === null ? undefined : String(code);
}
