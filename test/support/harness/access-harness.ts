import { accessSlice } from '../../../src/app/access.ts';
import { createRepositories } from '../../../src/app/repositories.ts';
import { type Config, loadConfig } from '../../../src/config.ts';
import type { Account, Actor } from '../../../src/domain/access/account.ts';
import { type Sender, UNKNOWN_SENDER } from '../../../src/domain/access/client-address.ts';
import type { KeyRequest } from '../../../src/operations/access/keys.ts';
import { openDatabase } from '../database.ts';
import { newInfrastructure } from './infrastructure.ts';

/** The operator. */
export const ADMIN: Actor = { kind: 'admin' };
export const ADMIN_TOKEN = 'the-token-of-the-operator-of-this-test';

interface HarnessOptions extends Partial<Pick<Config, 'oidc' | 'trustedProxies'>> {
  now?: () => number;
}

/** Accounts, keys, plans and windows of a database of the test file's own. */
export async function openAccessHarness(options: HarnessOptions = {}) {
  const database = await openDatabase();
  const repositories = createRepositories(database.collections);
  await repositories.plans.seed();

  /** One more process over the same database. */
  function newProcess(different: HarnessOptions = {}) {
    const { now, ...config } = { ...options, ...different };
    const shared = newInfrastructure({
      repositories,
      config: { ...loadConfig({}), ...config },
      adminToken: ADMIN_TOKEN,
    });
    const access = accessSlice(shared, now);
    return {
      ...access,
      shared,
      async close() {
        await access.close();
        await shared.close();
      },
    };
  }
  const { shared, ...access } = newProcess();
  const { operations } = access;

  return {
    ...access,
    database,
    accounts: shared.accounts,
    keys: shared.keys,
    links: shared.links,
    sealer: shared.sealer,
    newProcess,

    newAccount: (plan = 'pro', name = 'Test'): Promise<Account> =>
      operations.createAccount(ADMIN, { name, plan }),

    newKey: (account: Account, request: Partial<KeyRequest> = {}) =>
      operations.createKey(ADMIN, {
        accountId: account._id,
        name: 'Test',
        dialect: 'kiln',
        scopes: ['convert', 'read', 'manage'],
        restriction: {},
        ...request,
      }),

    byKey: (apiKey: string, sender: Partial<Sender> = {}) =>
      operations.authenticate({ kind: 'api-key', apiKey }, { ...UNKNOWN_SENDER, ...sender }),
    byToken: (token: string) => operations.authenticate({ kind: 'token', token }),
    byLogin: (jwt: string) => operations.authenticate({ kind: 'jwt', jwt }),

    async close() {
      await access.close();
      await repositories.close();
      await database.drop();
    },
  };
}

export type AccessHarness = Awaited<ReturnType<typeof openAccessHarness>>;
