import { pino } from 'pino';

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
    process.stderr,
  );
}
