import { pino } from 'pino';
import { visibleLines } from './domain/visible-text.ts';

export type Log = Pick<ReturnType<typeof createLog>, 'debug' | 'info' | 'warn' | 'error' | 'child'>;

/** One JSON logger per process. Whatever looks like a credential is cut, wherever it sits. */
export function createLog(level: string) {
  return pino(
    {
      level,
      base: null,
      redact: {
        paths: [
          'apiKey',
          'secret',
          'token',
          'authorization',
          '*.apiKey',
          '*.secret',
          '*.token',
          '*.authorization',
        ],
        censor: '[redacted]',
      },
    },
    // JSON leaves some characters that a terminal would obey; written as escapes they mean the same.
    { write: (line: string) => void process.stderr.write(visibleLines(line)) },
  );
}
