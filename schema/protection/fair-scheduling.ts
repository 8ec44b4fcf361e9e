import { type ExecutionArgs, type GraphQLError, getOperationAST, OperationTypeNode } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { KilnError } from '../../src/domain/errors.ts';
import { credentialOf } from '../../src/http/credential.ts';
import type { KilnContext } from '../context.ts';
import { createAddressPool } from './address-pool.ts';
import { acquireSlice, yieldWhenDue } from './time-slices.ts';

/** How many queries without a key one address may run at a time; more of them wait for those to end. */
const KEYLESS_AT_A_TIME = 4;
/** How many requests without a credential may wait at one address; more are refused, since they would wait too long. */
const MAX_KEYLESS_WAITING = 100;

/**
 * Shares the processor between addresses, so that many operations at once keep nobody from an answer. What
 * nobody waits for any more is not begun; those without a key wait, up to a number for each address.
 */
export function fairScheduling(maskError: (error: unknown) => GraphQLError): Plugin<KilnContext> {
  const pool = createAddressPool(KEYLESS_AT_A_TIME);
  return {
    async onParams({ request, context, setResult }) {
      const { incoming } = context as { incoming?: { socket: { remoteAddress?: string } } };
      const who = incoming?.socket.remoteAddress ?? '';
      if (credentialOf(request.headers) === null && pool.waiting(who) >= MAX_KEYLESS_WAITING)
        return setResult({ errors: [maskError(tooManyWaiting())] });
      await acquireSlice(who, request.signal);
      if (request.signal.aborted) setResult({ errors: [maskError(nobodyWaits())] });
    },
    onExecute({ args, executeFn, setExecuteFn }) {
      const { sender, signal } = args.contextValue;
      const who = sender.peer ?? '';
      const execute = async (given: ExecutionArgs) => {
        await yieldWhenDue(who, signal);
        return signal?.aborted ? { errors: [maskError(nobodyWaits())] } : executeFn(given);
      };
      setExecuteFn((given) => (isKeylessQuery(args) ? pool.run(who, () => execute(given)) : execute(given)));
    },
    onSubscribe: ({ args: { contextValue } }) =>
      yieldWhenDue(contextValue.sender.peer ?? '', contextValue.signal),
  };
}

/** Whether it is a query without an account. Mutations may wait for a job, and accounts are counted by their plan. */
function isKeylessQuery({ contextValue, document, operationName }: ExecutionArgs): boolean {
  const { actor, caller } = contextValue as KilnContext;
  if (actor.kind === 'admin' || caller.kind === 'account') return false;
  return getOperationAST(document, operationName)?.operation === OperationTypeNode.QUERY;
}

function tooManyWaiting(): KilnError {
  return new KilnError(
    'RATE_LIMITED',
    `At most ${MAX_KEYLESS_WAITING} requests without a credential may wait at an address.`,
    {
      hint: 'Send one after the other, or use an API key.',
      retryAfterSeconds: 1,
    },
  );
}

/** Returns the error of an operation whose sender has gone; nobody reads it. */
export function nobodyWaits(): KilnError {
  return new KilnError('CANCELLED', 'Nobody waits for the answer any more.');
}
