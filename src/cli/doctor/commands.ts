import { stripVTControlCharacters } from 'node:util';
import { runCommand } from '../../embedded/process/command.ts';

const TIMEOUT_MS = 10_000;

/** Runs a program and returns the first line of its output, else undefined if it is absent or does not work. */
export async function firstLineOf(program: string, args: readonly string[]): Promise<string | undefined> {
  const output = await runCommand(program, args, TIMEOUT_MS).catch(() => undefined);
  return output === undefined ? undefined : stripVTControlCharacters(output).trim().split('\n', 1)[0];
}
