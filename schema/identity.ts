import type { Sender } from '../src/domain/access/client-address.ts';
import { KilnError } from '../src/domain/errors.ts';
import type { Credential } from '../src/operations/access/authenticate.ts';
import type { KilnContext, SchemaOperations } from './context.ts';

/** Who asks, from where, and how to find out whether that still holds. */
export type Identity = Pick<KilnContext, 'caller' | 'actor' | 'sender' | 'recheck'>;
export type Identify = (credential: Credential, sender: Sender) => Promise<Identity>;

/** How often an open subscription checks its credential: a revocation must count within five seconds. */
export const RECHECK_MS = 3000;

/** Returns the function that tells who sent a credential: the operator, a caller or nobody. */
export function createIdentify({
  authenticate,
  isAdminToken,
}: Pick<SchemaOperations, 'authenticate' | 'isAdminToken'>): Identify {
  return async function identify(credential, sender) {
    if (credential?.kind === 'api-key' && isAdminToken(credential.apiKey)) {
      return { caller: { kind: 'anonymous' }, actor: { kind: 'admin' }, sender, recheck: async () => {} };
    }
    const caller = await authenticate(credential, sender);
    const recheck = () => authenticate(credential, sender, { again: true });
    return { caller, actor: caller, sender, recheck };
  };
}

/** Whether an error refuses a credential; any other, such as of a database that is away, says nothing about it. */
export function isRefusal(error: unknown): boolean {
  return error instanceof KilnError && ['UNAUTHENTICATED', 'FORBIDDEN'].includes(error.code);
}
