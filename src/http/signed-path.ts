import type { IncomingMessage } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import { KilnError } from '../domain/errors.ts';

/** What Kiln's own routes find in their context: Node's request and response besides the fetch ones. */
// biome-ignore lint/style/useConsistentTypeDefinitions: Hono wants what any string may index, which an interface is not.
export type HttpEnv = { Bindings: HttpBindings };

/**
 * Takes a signed link apart as it stands on the wire, before any decoding or tidying: a link has
 * exactly one spelling, so whatever was added to it, left out or written otherwise makes it invalid.
 * @throws KilnError FORBIDDEN
 */
export function matchSignedPath(incoming: IncomingMessage, form: RegExp): readonly (string | undefined)[] {
  const [, ...parts] = form.exec(targetOf(incoming)) ?? refuseLink();
  return parts;
}

/** One answer for every link that is not ours: forged, foreign, altered or of another purpose. */
export function refuseLink(): never {
  throw new KilnError('FORBIDDEN', 'The link is not valid.', {
    hint: 'Use it exactly as it was given to you.',
  });
}

/** The request target without the origin that a proxy's absolute form has in front. */
function targetOf({ url = '' }: IncomingMessage): string {
  return url.replace(/^https?:\/\/[^/?]*/i, '');
}
