import { pino } from 'pino';

export type Log = Pick<ReturnType<typeof createLog>, 'debug' | 'info' | 'warn' | 'error' | 'child'>;

/** Where log lines go: standard error, except in tests. */
export interface LogTarget {
  isTTY?: boolean;
  write(line: string): unknown;
}

/**
 * One logger per process: JSON for machines, a line for people where a terminal reads it. Whatever looks
 * like a credential is cut, wherever it sits.
 */
export function createLog(level: string, target: LogTarget = process.stderr) {
  const destination = target.isTTY
    ? { write: (line: string) => void target.write(forPeople(line)) }
    : { write: (line: string) => void target.write(line) };
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
    destination,
  );
}

/** Time, level, message and the rest of a JSON line; nothing in it can steer the terminal. */
function forPeople(line: string): string {
  const { time, level, msg = '', ...rest } = JSON.parse(line);
  const clock = new Date(time).toTimeString().slice(0, 8);
  const name = (pino.levels.labels[level] ?? String(level)).toUpperCase().padEnd(5);
  const details = Object.entries(rest).map(([key, value]) => ` ${key}=${describe(value)}`);
  return `${printable(`${clock} ${name} ${msg}${details.join('')}`)}\n`;
}

function describe(value: unknown): string {
  return typeof value === 'string' && !/[\s"]/.test(value) ? value : JSON.stringify(value);
}

/** Control characters, and those that turn the direction of writing, as their codes. */
function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
