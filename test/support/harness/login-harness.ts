import type { Account } from '../../../src/domain/access/account.ts';
import { type LoginServer, openLoginServer } from '../servers/login-server.ts';
import { openAccessHarness } from './access-harness.ts';

export type LoginHarness = Awaited<ReturnType<typeof openLoginHarness>>;

/** Accounts, and a login server that is asked through the real guard. */
export async function openLoginHarness() {
  const server = await openLoginServer();
  const harness = await openAccessHarness({ oidc: server.oidc });
  const named = ({ _id }: Account) => ({ kiln_account: _id });

  return {
    ...harness,
    server,
    /** What a token says that names this account. */
    named,
    /** A process of its own that knows no keys yet; `ask` presents a token to it. */
    async freshProcess(now = Date.now, oidc: Partial<LoginServer['oidc']> = {}) {
      const process = harness.newProcess({ now, oidc: { ...server.oidc, ...oidc } });
      const ask = (jwt: string) => process.operations.authenticate({ kind: 'jwt', jwt });
      return { ask, close: process.close };
    },
    async close() {
      await harness.close();
      await server.close();
    },
  };
}
