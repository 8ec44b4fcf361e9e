import { setTimeout } from 'node:timers/promises';
import { systemCode } from '../../system-code.ts';
import { CommandError } from '../terminal/command-error.ts';

const TRIES = 4;
const PAUSE_MS = 500;

/** Node's codes for a connection that broke before the answer came. */
const BROKEN: readonly (string | undefined)[] = [
  'ECONNRESET',
  'EPIPE',
  'UND_ERR_SOCKET',
  'UND_ERR_HEADERS_TIMEOUT',
];

/** Repeats a call whose connection broke before the answer came. The call must be one that may be repeated. */
export async function askAgain<T>(call: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await call();
    } catch (error) {
      if (tries === TRIES || !isWorthIt(error)) throw error;
      await setTimeout(PAUSE_MS * tries);
    }
  }
}

function isWorthIt(error: unknown): boolean {
  if (!(error instanceof CommandError)) return false;
  return error.code === 'UNAVAILABLE' || BROKEN.includes(codeOf(error.cause));
}

/** Returns the code of a failed fetch, which wraps the connection's error. */
function codeOf(cause: unknown): string | undefined {
  return systemCode(cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause);
}
