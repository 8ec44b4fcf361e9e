import type { Config } from '../config.ts';
import { GUEST_PLAN } from '../domain/access/account-plan.ts';
import { clientAddressOf, parseNetworks, type Sender } from '../domain/access/client-address.ts';
import { chargedAccount } from '../domain/credits/credits.ts';
import type { Log } from '../log.ts';
import { createAccounts } from '../operations/access/accounts.ts';
import { createAuthenticate } from '../operations/access/authenticate.ts';
import { createCheckRateLimit } from '../operations/access/check-rate-limit.ts';
import { createExplainPolicy } from '../operations/access/explain-policy.ts';
import { createKeyUsage } from '../operations/access/key-usage.ts';
import { createKeys } from '../operations/access/keys.ts';
import { createPlans } from '../operations/access/plans.ts';
import { createSessions } from '../operations/access/sessions.ts';
import { createAdminCheck } from '../secrets/admin-token.ts';
import { hashApiKey, newApiKey, newKeyPair } from '../secrets/api-key.ts';
import type { EnvelopeSealer } from '../secrets/envelope.ts';
import type { Links } from '../secrets/links.ts';
import { createLoginKeys } from '../secrets/login-keys.ts';
import { createLoginReader } from '../secrets/logins.ts';
import { createSessionTokens } from '../secrets/sessions.ts';
import type { TokenSigner } from '../secrets/signed-token.ts';
import { createAccountRepository } from '../store/accounts.ts';
import { createApiKeyRepository } from '../store/api-keys.ts';
import type { Collections } from '../store/mongo/mongo.ts';
import { createPlanRepository } from '../store/plans.ts';
import { createWindowRepository } from '../store/windows.ts';

export interface AccessPorts {
  collections: Pick<Collections, 'accounts' | 'keys' | 'plans' | 'windows'>;
  signer: TokenSigner;
  links: Pick<Links, 'subjectOf'>;
  sealer: Pick<EnvelopeSealer, 'seal'>;
  log: Pick<Log, 'warn'>;
  trustedProxies: readonly string[];
  adminToken: string | undefined;
  /** The largest file of the service, whatever a plan says. */
  uploadBytes: number;
  /** The login server, where there is one, and how its keys are fetched. */
  oidc?: Config['oidc'];
  fetchJson?(url: string): Promise<unknown>;
  now?: () => number;
}

/** Who may do what, and how often: accounts, keys, sessions, plans and rate windows. */
export async function createAccess(ports: AccessPorts) {
  const { collections, signer, links, sealer, log, now = Date.now } = ports;
  const accounts = createAccountRepository(collections);
  const keys = createApiKeyRepository(collections);
  const planRepository = createPlanRepository(collections);
  const windows = createWindowRepository(collections);
  await planRepository.seed();

  const proxies = parseNetworks(ports.trustedProxies);
  const addressOf = (sender: Sender) => clientAddressOf(sender, proxies);
  const isAdminToken = createAdminCheck(ports.adminToken);
  const { issueSession, readSession } = createSessionTokens(signer);
  const usage = createKeyUsage({ keys, log });
  const { requireAccountPlan, ...plans } = createPlans({ plans: planRepository });
  const owners = createAccounts({ accounts, requireAccountPlan, issuer: ports.oidc?.issuer });
  const { checkRateLimit, readUsage, concurrencyKeyOf } = createCheckRateLimit({
    windows,
    planOf: plans.planOf,
    addressOf,
    now,
  });
  const readGuestToken = (token: string) => {
    const subject = links.subjectOf('guest', token);
    return subject === 'expired' ? null : subject;
  };

  return {
    accounts,
    keys,
    concurrencyKeyOf,
    /** How many jobs of a concurrency key may convert at a time. */
    async concurrencyOf(concurrencyKey: string): Promise<number> {
      const accountId = chargedAccount(concurrencyKey);
      const account = accountId === null ? null : await accounts.find(accountId);
      return (await plans.findPlan(account?.plan ?? GUEST_PLAN)).concurrency;
    },
    operations: {
      authenticate: createAuthenticate({
        keys,
        accounts,
        hashApiKey,
        readGuestToken,
        readSession,
        readLogin: loginReaderOf(ports),
        addressOf,
        noteUse: usage.note,
      }),
      isAdminToken,
      checkRateLimit,
      readUsage,
      explainPolicy: createExplainPolicy({
        planOf: plans.planOf,
        readUsage,
        serviceBytes: ports.uploadBytes,
      }),
      ...plans,
      ...owners,
      ...createKeys({ keys, findAccount: owners.findAccount, newApiKey, newKeyPair, seal: sealer.seal }),
      ...createSessions({ keys, accounts, issueSession }),
    },
    close: () => usage.close(),
  };
}

/** Without a login server no JWT is a credential. */
function loginReaderOf({ oidc, fetchJson, log, now = Date.now }: AccessPorts) {
  if (!oidc || !fetchJson) return async () => null;
  const onFailure = (detail: string) =>
    log.warn({ issuer: oidc.issuer, detail }, 'the keys of the login server could not be fetched');
  const findKey = createLoginKeys({ ...oidc, fetchJson, onFailure, now });
  return createLoginReader({ ...oidc, findKey, now });
}
