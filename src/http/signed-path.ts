import type { IncomingMessage } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import { KilnError } from '../domain/errors.ts';

/** What routes find in their context: Node's request and response beside the fetch ones. */
// biome-ignore lint/style/useConsistentTypeDefinitions: Hono wants what any string may index, which an interface is not.
export type HttpEnv = { Bindings: HttpBindings };

/**
 * Returns the groups of a signed link as it was sent, before any decoding: a link has exactly one spelling, so
 * anything added, left out or spelled otherwise makes it invalid.
 * @throws KilnError FORBIDDEN if it does not match `form`.
 */
export function matchSignedPath(incoming: IncomingMessage, form: RegExp): readonly (string | undefined)[] {
  const [, ...parts] = form.exec(targetOf(incoming)) ?? refuseLink();
  return parts;
}

/** Throws FORBIDDEN, the same for every link that is forged, foreign, altered or of another purpose. */
export function refuseLink(): never {
  throw new KilnError('FORBIDDEN', 'The link is not valid.', {
    hint: 'Use it exactly as it was given to you.',
  });
}

/** Returns the request target without the origin that proxies put in front. */
function targetOf({ url = '' }: IncomingMessage): string {
  return url.replace(/^https?:\/\/[^/?]*/i, '');
}
