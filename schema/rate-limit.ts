import {
  type DocumentNode,
  type ExecutionArgs,
  type FragmentDefinitionNode,
  type GraphQLError,
  getOperationAST,
  Kind,
  OperationTypeNode,
  type SelectionSetNode,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { KilnError } from '../src/domain/errors.ts';
import type { KilnContext } from './context.ts';
import { isRefusal, RECHECK_MS } from './identity.ts';

/** Fields about the caller's own plan: answered whatever it allows, and counted as no call. */
const FREE_FIELDS: ReadonlySet<string> = new Set([
  'me',
  'plans',
  'explainPolicy',
  '__typename',
  '__schema',
  '__type',
]);

/**
 * Counts each operation against the caller's plan, by the fields that it begins with: an alias is one
 * more call. A subscription ends when the credential that began it counts no more.
 */
export function rateLimit(maskError: (error: unknown) => GraphQLError): Plugin<KilnContext> {
  return {
    async onExecute({ args, setResultAndStopExecution }) {
      const error = await refusalOf(args);
      if (!error) return;
      if (getOperationAST(args.document, args.operationName)?.operation === OperationTypeNode.MUTATION) {
        args.contextValue.refusal = error;
      } else {
        setResultAndStopExecution({ errors: [maskError(error)] });
      }
    },
    async onSubscribe({ args, setResultAndStopExecution }) {
      const error = await refusalOf(args);
      if (error) return void setResultAndStopExecution({ errors: [maskError(error)] });
      const { recheck } = args.contextValue;
      return {
        onSubscribeResult({ result, setResult }) {
          if (!(Symbol.asyncIterator in result)) return;
          setResult(whileAllowed(result, recheck, (reason) => ({ errors: [maskError(reason)] })));
        },
      };
    },
  };
}

/** Counts the operation and returns the error if the plan refuses it, else null. Callers without a credential are not counted. */
async function refusalOf(args: ExecutionArgs): Promise<KilnError | null> {
  const { caller, sender, operations } = args.contextValue as KilnContext;
  const calls = callsOf(args.document, args.operationName);
  if (caller.kind === 'anonymous' || calls === 0) return null;
  try {
    await operations.checkRateLimit(caller, sender, { api: 'graphql', calls });
    return null;
  } catch (error) {
    if (error instanceof KilnError) return error;
    throw error;
  }
}

function callsOf(document: DocumentNode, operationName: string | null | undefined): number {
  const operation = getOperationAST(document, operationName);
  const fragments = new Map(
    document.definitions
      .filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION)
      .map((fragment): [string, FragmentDefinitionNode] => [fragment.name.value, fragment]),
  );
  const count = ({ selections }: SelectionSetNode): number =>
    selections.reduce((sum, selection) => {
      if (selection.kind === Kind.FIELD) return sum + (FREE_FIELDS.has(selection.name.value) ? 0 : 1);
      if (selection.kind === Kind.INLINE_FRAGMENT) return sum + count(selection.selectionSet);
      const fragment = fragments.get(selection.name.value);
      return sum + (fragment ? count(fragment.selectionSet) : 0);
    }, 0);
  return operation ? count(operation.selectionSet) : 0;
}

/** Passes results on until `recheck` refuses the credential; then gives the reason in one last result. */
function whileAllowed<T>(
  source: AsyncIterable<T>,
  recheck: () => Promise<unknown>,
  last: (reason: unknown) => T,
): AsyncIterableIterator<T> {
  const results = source[Symbol.asyncIterator]();
  let refusal: { reason: unknown } | undefined;
  let wake: (() => void) | undefined;
  let ended = false;
  const timer = setInterval(() => {
    recheck().catch((reason: unknown) => {
      if (!isRefusal(reason)) return;
      refusal ??= { reason };
      wake?.();
    });
  }, RECHECK_MS);

  async function end(): Promise<IteratorResult<T>> {
    ended = true;
    clearInterval(timer);
    await results.return?.();
    return { done: true, value: undefined };
  }

  return {
    async next() {
      if (ended) return { done: true, value: undefined };
      const woken = Promise.withResolvers<null>();
      wake = () => woken.resolve(null);
      if (refusal) wake();
      try {
        const result = await Promise.race([results.next(), woken.promise]);
        if (result && !result.done) return result;
      } catch (error) {
        await end();
        throw error;
      }
      await end();
      return refusal ? { done: false, value: last(refusal.reason) } : { done: true, value: undefined };
    },
    return: end,
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
