import { print } from './print.ts';
/** Prints one JSON document on standard output, for `--json`. */
export function printJson(value: unknown): void {
  print(`${JSON.stringify(value, null, 2)}\n`);
}
