import { KilnError } from '../domain/errors.ts';
import { systemCode } from '../system-code.ts';

/** Why a provider cannot be used here; the message completes "<provider>: …". */
export class ProviderUnavailable extends Error {
  override readonly name = 'ProviderUnavailable';
}

/** The provider is simply not there, which is worth saying only when no other works either. */
export class ProviderAbsent extends ProviderUnavailable {}

/** One way of providing an engine. */
interface Provider<T> {
  /** Shown to operators and kept in the data folder, for example "downloaded mongod". */
  name: string;
  /** @throws ProviderUnavailable if this way is not open here. */
  provide: () => Promise<T>;
}

export interface Provided<T> {
  /** Name of the provider that worked. */
  provider: string;
  value: T;
}

/**
 * Returns what the first provider that works provides; the order is the caller's.
 * @throws KilnError UNAVAILABLE that lists every provider with its reason, and `hint`.
 */
export async function firstProvided<T>(
  engine: string,
  providers: readonly Provider<T>[],
  hint: string,
  onProgress: (line: string) => void,
): Promise<Provided<T>> {
  const attempts: { provider: string; error: unknown }[] = [];
  for (const { name, provide } of providers) {
    try {
      return { provider: name, value: await provide() };
    } catch (error) {
      attempts.push({ provider: name, error });
      if (!(error instanceof ProviderAbsent)) onProgress(`${engine}: ${name} not used, ${reasonOf(error)}`);
    }
  }
  const list = attempts.map(({ provider, error }) => `\n  - ${provider}: ${reasonOf(error)}`).join('');
  throw new KilnError(
    'UNAVAILABLE',
    `${engine} could not be provided. Tried in this order:${list}\n${hint}`,
    {
      hint,
      cause: new AggregateError(attempts.map(({ error }) => error)),
    },
  );
}

/** Returns our own sentence or the system's error code: foreign messages may hold paths or addresses. */
function reasonOf(error: unknown): string {
  if (error instanceof ProviderUnavailable || error instanceof KilnError) return error.message;
  return systemCode(error) ?? 'it failed unexpectedly';
}
