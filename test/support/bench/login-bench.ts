import type { Account } from '../../../src/domain/access/account.ts';
import { createHttpSender } from '../../../src/net/fetch.ts';
import { createGuard } from '../../../src/net/guard.ts';
import { createJsonFetcher } from '../../../src/net/json.ts';
import { type LoginServer, openLoginServer } from '../servers/login-server.ts';
import { openAccessBench } from './access-bench.ts';

export type LoginBench = Awaited<ReturnType<typeof openLoginBench>>;

/** Accounts, and a login server that is asked through the real guard. */
export async function openLoginBench() {
  const server = await openLoginServer();
  const guard = createGuard({ allowedNetworks: ['127.0.0.0/8'], refusedPorts: () => [] });
  const sender = createHttpSender({ guard, version: 'test' });
  const bench = await openAccessBench({ oidc: server.oidc, fetchJson: createJsonFetcher(sender) });
  const named = ({ _id }: Account) => ({ kiln_account: _id });

  return {
    ...bench,
    server,
    /** What a token says that names this account. */
    named,
    /** A process of its own that knows no keys yet; `ask` presents a token to it. */
    async freshProcess(now = Date.now, oidc: Partial<LoginServer['oidc']> = {}) {
      const process = await bench.newProcess({ now, oidc: { ...server.oidc, ...oidc } });
      const ask = (jwt: string) => process.operations.authenticate({ kind: 'jwt', jwt });
      return { ask, close: process.close };
    },
    async close() {
      await bench.close();
      sender.close();
      await server.close();
    },
  };
}
