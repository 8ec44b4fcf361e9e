import { visibleLines } from '../../domain/visible-text.ts';

/** The one way in which a command writes to the terminal: names, messages and whatever else comes from outside do nothing there. */
export function print(text: string): void {
  process.stdout.write(visibleLines(text));
}

/** The same beside the output. */
export function printError(text: string): void {
  process.stderr.write(visibleLines(text));
}
