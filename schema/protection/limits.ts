import { EnvelopArmorPlugin } from '@escape.tech/graphql-armor';
import { complexityFromQuery } from '@pothos/plugin-complexity';
import {
  type DocumentNode,
  GraphQLError,
  getOperationAST,
  Kind,
  NoSchemaIntrospectionCustomRule,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { schema } from '../index.ts';
import { parseModest } from './document.ts';
import { exceeded, LIMITS } from './excess.ts';

/** Refuses what would cost too much before it is executed, by its form and by its weight. */
export function limitPlugins({ introspection }: { introspection: boolean }): Plugin[] {
  return [
    modestDocuments(),
    EnvelopArmorPlugin(shape()),
    costLimit(),
    ...(introspection ? [] : [noIntrospection()]),
  ];
}

function shape() {
  return {
    maxDepth: { n: LIMITS.depth, flattenFragments: true, onReject: [refuse('depth')] },
    maxAliases: { n: LIMITS.aliases, onReject: [refuse('aliases')] },
    // document.ts counts them before the parser begins, which calls itself for each bracket.
    maxTokens: { enabled: false },
    maxDirectives: { n: LIMITS.directives, onReject: [refuse('directives')] },
    // It has no notion of `first`; costLimit does the weighing.
    costLimit: { enabled: false },
    // mask-error.ts removes suggestions from every error, also from those about variables.
    blockFieldSuggestion: { enabled: false },
  };
}

/** Throwing from the handler replaces the package's own error, which has no code. */
function refuse(what: 'depth' | 'aliases' | 'directives') {
  return (): never => {
    throw exceeded(`The operation has more ${what} than the ${LIMITS[what]} allowed.`);
  };
}

function modestDocuments(): Plugin {
  return { onParse: ({ setParseFn }) => setParseFn(parseModest) };
}

/**
 * NOTE: not a validation rule, because Yoga keeps validation results by document
 * while the weight depends on variables such as `first`.
 */
function costLimit(): Plugin {
  return {
    onExecute: ({ args, setResultAndStopExecution }) => {
      const error = tooCostly(args.document, args.operationName, args.variableValues);
      if (error) setResultAndStopExecution({ errors: [error] });
    },
    onSubscribe: ({ args, setResultAndStopExecution }) => {
      const error = tooCostly(args.document, args.operationName, args.variableValues);
      if (error) setResultAndStopExecution({ errors: [error] });
    },
  };
}

function tooCostly(document: DocumentNode, operationName: unknown, variables: unknown): GraphQLError | null {
  const cost = costOf(document, typeof operationName === 'string' ? operationName : null, variables);
  if (cost <= LIMITS.cost) return null;
  return exceeded(
    `The operation costs ${cost}, more than the ${LIMITS.cost} allowed. Ask for smaller pages or fewer fields.`,
  );
}

/** The weight of the one operation that will run; 0 where the executor is going to refuse it anyway. */
function costOf(document: DocumentNode, operationName: string | null, variables: unknown): number {
  const operation = getOperationAST(document, operationName);
  if (!operation) return 0;
  const fragments = document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION);
  try {
    const only: DocumentNode = { kind: Kind.DOCUMENT, definitions: [operation, ...fragments] };
    return complexityFromQuery(only, { schema, variables: { ...(variables ?? {}) } }).complexity;
  } catch (error) {
    // Variables that do not fit their types: the executor reports each of them.
    if (error instanceof GraphQLError) return 0;
    throw error;
  }
}

function noIntrospection(): Plugin {
  return { onValidate: ({ addValidationRule }) => addValidationRule(NoSchemaIntrospectionCustomRule) };
}
