import { randomBytes } from 'node:crypto';
import { type AccessPorts, createAccess } from '../../../src/app/access.ts';
import type { Account, Actor } from '../../../src/domain/access/account.ts';
import { type Sender, UNKNOWN_SENDER } from '../../../src/domain/access/client-address.ts';
import { createLog } from '../../../src/log.ts';
import type { KeyRequest } from '../../../src/operations/access/keys.ts';
import { createEnvelopeSealer } from '../../../src/secrets/envelope.ts';
import { createKeyring } from '../../../src/secrets/keyring.ts';
import { createLinks } from '../../../src/secrets/links.ts';
import { createTokenSigner } from '../../../src/secrets/signed-token.ts';
import { openDatabase } from '../database.ts';

/** The operator. */
export const ADMIN: Actor = { kind: 'admin' };
export const ADMIN_TOKEN = 'the-token-of-the-operator-of-this-test';

interface HarnessOptions extends Pick<AccessPorts, 'oidc' | 'fetchJson'> {
  trustedProxies?: string[];
  now?: () => number;
}

/** Accounts, keys, plans and windows of a database of the test file's own. */
export async function openAccessHarness(options: HarnessOptions = {}) {
  const database = await openDatabase();
  const keyring = createKeyring([randomBytes(32)]);
  const signer = createTokenSigner(keyring);
  const sealer = createEnvelopeSealer(keyring);
  const links = createLinks(signer);

  /** One more process over the same database. */
  const newProcess = (different: HarnessOptions = {}) =>
    createAccess({
      collections: database.collections,
      signer,
      links,
      sealer,
      log: createLog('silent'),
      trustedProxies: [],
      adminToken: ADMIN_TOKEN,
      uploadBytes: 2 ** 31,
      ...options,
      ...different,
    });
  const access = await newProcess();
  const { operations } = access;

  return {
    ...access,
    database,
    links,
    sealer,
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
      await database.drop();
    },
  };
}

export type AccessHarness = Awaited<ReturnType<typeof openAccessHarness>>;
