import { pino } from 'pino';
import { visible, visibleLines } from './domain/visible-text.ts';

export type Log = Pick<ReturnType<typeof createLog>, 'debug' | 'info' | 'warn' | 'error' | 'child'>;

/** Where log lines go: standard error, except in tests. */
interface LogTarget {
  isTTY?: boolean;
  write(line: string): unknown;
}

/**
 * Creates the process's logger: JSON lines, or plain lines on a terminal. Removes whatever looks like a
 * credential, wherever it stands.
 */
export function createLog(level: string, target: LogTarget = process.stderr) {
  const destination = target.isTTY
    ? { write: (line: string) => void target.write(forPeople(line)) }
    : // JSON leaves some characters that a terminal would obey; written as escapes they mean the same.
      { write: (line: string) => void target.write(visibleLines(line)) };
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

/** Returns a JSON line as a plain one: time, level, message and the rest, without control characters. */
function forPeople(line: string): string {
  const { time, level, msg = '', ...rest } = JSON.parse(line);
  const clock = new Date(time).toTimeString().slice(0, 8);
  const name = (pino.levels.labels[level] ?? String(level)).toUpperCase().padEnd(5);
  const details = Object.entries(rest).map(([key, value]) => ` ${key}=${describe(value)}`);
  return `${visible(`${clock} ${name} ${msg}${details.join('')}`)}\n`;
}

function describe(value: unknown): string {
  return typeof value === 'string' && !/[\s"]/.test(value) ? value : JSON.stringify(value);
}
