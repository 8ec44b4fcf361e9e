/** Explanations for operators of how engines end; other ends need none. */
const MEANINGS: Readonly<Record<string, string>> = {
  'exit code 127': 'a program or a library that it needs is missing on this system',
  'exit code 62': 'it cannot open data that so much older or newer a version has written',
  SIGILL: 'this processor lacks instructions that it needs, as AVX for mongod since 5.0',
};

/** Describes how a process ended, with its meaning where it is known. */
export function describeExit(code: unknown, signal: unknown): string {
  const end = typeof signal === 'string' ? signal : `exit code ${code}`;
  const meaning = MEANINGS[end];
  return meaning ? `${end}: ${meaning}` : end;
}
