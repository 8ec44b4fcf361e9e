import { CommandError } from '../terminal/command-error.ts';
import type { GraphqlClient } from './graphql-client.ts';

/** The selection of every mutation besides its success. */
export const REFUSAL = '... on Error { code message hint }';

type Refusable<Success> = Success | { code: string; message: string; hint: string | null };

/** Runs the one mutation of a document and returns its success. @throws CommandError for a refusal. */
export async function mutate<Success>(
  graphql: Pick<GraphqlClient, 'request'>,
  name: string,
  document: string,
  variables: Record<string, unknown>,
): Promise<Success> {
  const data = await graphql.request<Record<string, Refusable<Success>>>(document, variables);
  const result = data[name];
  if (result && typeof result === 'object' && !('code' in result)) return result;
  const refusal = result && typeof result === 'object' && 'code' in result ? result : undefined;
  throw new CommandError(refusal?.message ?? 'Kiln gave an empty answer.', {
    hint: refusal?.hint ?? undefined,
    code: refusal?.code,
  });
}
