import { GraphQLError } from 'graphql';

/** What one operation may ask for; beyond it nothing of the operation runs. */
export const LIMITS = {
  depth: 12,
  aliases: 30,
  tokens: 2000,
  directives: 20,
  cost: 10_000,
  /** Brackets of any kind within each other. */
  brackets: 100,
  /** Pairs of fields that have the same name in the same place: validation compares each of them. */
  pairs: 2000,
} as const;

/** The code of every such refusal. */
export const LIMIT_EXCEEDED = 'LIMIT_EXCEEDED';

/** The refusal of an operation that is too large in some way. */
export function exceeded(message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code: LIMIT_EXCEEDED, http: { status: 400 } } });
}
