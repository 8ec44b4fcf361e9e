import { print } from './print.ts';
/** What `--json` prints: one document on standard output and nothing else. */
export function printJson(value: unknown): void {
  print(`${JSON.stringify(value, null, 2)}\n`);
}
