import type { GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { credentialOf } from '../src/credential.ts';
import { ConversionError } from '../src/domain/errors.ts';
import type { KilnContext } from './context.ts';
import { breathe, takeTurn } from './turns.ts';

/** Requests without a credential that wait at one address; whoever waits behind them would wait for too long. */
const MAX_KEYLESS_WAITING = 100;

/**
 * Begins and executes operations in turns, so that many of them at once keep nobody from an answer. A request
 * whose sender has gone is not begun, and those without a credential wait only up to a number for each address.
 */
export function takingTurns(maskError: (error: unknown) => GraphQLError): Plugin<KilnContext> {
  /** How many of them wait at each address. */
  const keyless = new Map<string, number>();
  return {
    async onParams({ request, context, setResult }) {
      const { incoming } = context as { incoming?: { socket: { remoteAddress?: string } } };
      const who = incoming?.socket.remoteAddress ?? '';
      if (credentialOf(request.headers) === null) {
        const before = keyless.get(who) ?? 0;
        if (before >= MAX_KEYLESS_WAITING) return setResult({ errors: [maskError(tooManyWaiting())] });
        keyless.set(who, before + 1);
        await takeTurn(who, request.signal);
        const left = (keyless.get(who) ?? 1) - 1;
        if (left > 0) keyless.set(who, left);
        else keyless.delete(who);
      } else await takeTurn(who, request.signal);
      if (request.signal.aborted) setResult({ errors: [maskError(nobodyWaits())] });
    },
    onExecute: ({ args: { contextValue } }) => breathe(contextValue.sender.peer ?? '', contextValue.signal),
    onSubscribe: ({ args: { contextValue } }) => breathe(contextValue.sender.peer ?? '', contextValue.signal),
  };
}

function tooManyWaiting(): ConversionError {
  return new ConversionError('RATE_LIMITED', 'Too many requests without a credential wait at this address.', {
    hint: 'Send one after the other, or use an API key.',
    retryAfterSeconds: 1,
  });
}

/** Why an operation is given up whose sender has gone; nobody reads it. */
export function nobodyWaits(): ConversionError {
  return new ConversionError('CANCELLED', 'Nobody waits for the answer any more.');
}
