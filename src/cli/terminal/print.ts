import { visibleLines } from '../../domain/visible-text.ts';

/** Prints text without control characters. All output goes this way, since names and messages come from outside. */
export function print(text: string): void {
  process.stdout.write(visibleLines(text));
}

/** The same on standard error. */
export function printError(text: string): void {
  process.stderr.write(visibleLines(text));
}
