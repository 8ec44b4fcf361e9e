import { KilnError } from '../domain/errors.ts';

/** Why one way of providing an engine is not open here; the reason completes "… : <reason>". */
export class RungUnavailable extends Error {
  override readonly name = 'RungUnavailable';
}

/** It is simply not there, which is only worth saying when nothing else works either. */
export class RungAbsent extends RungUnavailable {}

/** One way of providing an engine. */
export interface Rung<T> {
  name: string;
  attempt: () => Promise<T>;
}

export interface Climbed<T> {
  rung: string;
  value: T;
}

/**
 * Takes the first rung that holds.
 * @throws KilnError UNAVAILABLE that lists every rung with its reason, and `hint`.
 */
export async function climb<T>(
  engine: string,
  rungs: readonly Rung<T>[],
  hint: string,
  onProgress: (line: string) => void,
): Promise<Climbed<T>> {
  const failures: { rung: string; error: unknown }[] = [];
  for (const { name, attempt } of rungs) {
    try {
      return { rung: name, value: await attempt() };
    } catch (error) {
      failures.push({ rung: name, error });
      if (!(error instanceof RungAbsent)) onProgress(`${engine}: ${name} not used, ${reasonOf(error)}`);
    }
  }
  const list = failures.map(({ rung, error }) => `\n  - ${rung}: ${reasonOf(error)}`).join('');
  throw new KilnError(
    'UNAVAILABLE',
    `${engine} could not be provided. Tried in this order:${list}\n${hint}`,
    {
      hint,
      cause: new AggregateError(failures.map(({ error }) => error)),
    },
  );
}

/** Foreign messages may hold paths or addresses, so only our own sentences and system codes are shown. */
function reasonOf(error: unknown): string {
  if (error instanceof RungUnavailable || error instanceof KilnError) return error.message;
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
  return code ?? 'it failed unexpectedly';
}
