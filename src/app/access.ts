import { GUEST_PLAN } from '../domain/access/account-plan.ts';
import { clientAddressOf, parseNetworks, type Sender } from '../domain/access/client-address.ts';
import { chargedAccount } from '../domain/credits/credits.ts';
import { createAccounts } from '../operations/access/accounts.ts';
import { createAuthenticate } from '../operations/access/authenticate.ts';
import { createCheckRateLimit } from '../operations/access/check-rate-limit.ts';
import { createExplainPolicy } from '../operations/access/explain-policy.ts';
import { createKeyUsage } from '../operations/access/key-usage.ts';
import { createKeys } from '../operations/access/keys.ts';
import { createPlans } from '../operations/access/plans.ts';
import { createSecrets } from '../operations/access/secrets.ts';
import { createSessions } from '../operations/access/sessions.ts';
import { createAdminCheck } from '../secrets/admin-token.ts';
import { hashApiKey, newApiKey, newKeyPair } from '../secrets/api-key.ts';
import { longestTokenMs } from '../secrets/links.ts';
import { createLoginKeys } from '../secrets/login-keys.ts';
import { createLoginReader } from '../secrets/logins.ts';
import { createSessionTokens } from '../secrets/sessions.ts';
import type { Infrastructure } from './infrastructure.ts';

export type Access = ReturnType<typeof accessSlice>;

/** Who may do what, and how often: accounts, keys, sessions, plans, rate windows, and the master keys. */
export function accessSlice(shared: Infrastructure, now = Date.now) {
  const { config, accounts, signer, links, keyring } = shared;
  const proxies = parseNetworks(config.trustedProxies);
  const addressOf = (sender: Sender) => clientAddressOf(sender, proxies);
  const { issueSession, readSession } = createSessionTokens(signer);
  const usage = createKeyUsage(shared);
  const { requireAccountPlan, ...plans } = createPlans(shared);
  const { planOf } = plans;
  const owners = createAccounts({ ...shared, requireAccountPlan, issuer: config.oidc?.issuer });
  const { findAccount } = owners;
  const { checkRateLimit, readUsage, concurrencyKeyOf } = createCheckRateLimit({
    ...shared,
    planOf,
    addressOf,
    now,
  });
  const readGuestToken = (token: string) => {
    const subject = links.subjectOf('guest', token);
    return subject === 'expired' ? null : subject;
  };

  return {
    concurrencyKeyOf,
    /** How many jobs of a concurrency key may convert at a time. */
    async concurrencyOf(concurrencyKey: string): Promise<number> {
      const accountId = chargedAccount(concurrencyKey);
      const account = accountId === null ? null : await accounts.find(accountId);
      return (await plans.findPlan(account?.plan ?? GUEST_PLAN)).concurrency;
    },
    operations: {
      authenticate: createAuthenticate({
        ...shared,
        hashApiKey,
        readGuestToken,
        readSession,
        readLogin: loginReaderOf(shared, now),
        addressOf,
        noteUse: usage.note,
      }),
      isAdminToken: createAdminCheck(shared.adminToken),
      checkRateLimit,
      readUsage,
      explainPolicy: createExplainPolicy({ planOf, readUsage, serviceBytes: config.limits.uploadBytes }),
      ...plans,
      ...owners,
      ...createKeys({ ...shared, findAccount, newApiKey, newKeyPair }),
      ...createSessions({ ...shared, issueSession }),
      ...createSecrets({
        ...shared,
        keyIds: keyring.keyIds,
        longestTokenMs: longestTokenMs(config.retention),
      }),
    },
    close: () => usage.close(),
  };
}

/** Without a login server no JWT is a credential. */
function loginReaderOf({ config: { oidc }, fetchJson, log }: Infrastructure, now: () => number) {
  if (!oidc) return async () => null;
  const onFailure = (detail: string) =>
    log.warn({ issuer: oidc.issuer, detail }, 'the keys of the login server could not be fetched');
  const findKey = createLoginKeys({ ...oidc, fetchJson, onFailure, now });
  return createLoginReader({ ...oidc, findKey, now });
}
