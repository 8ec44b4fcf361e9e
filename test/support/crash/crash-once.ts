import { createAccounts } from '../../../src/operations/access/accounts.ts';
import { createAccountRepository } from '../../../src/store/accounts.ts';
import { ADMIN } from '../harness/access-harness.ts';
import { aJob, anUpload } from '../records.ts';
import type { CrashStepsHarness } from './crash-steps-harness.ts';
import { mortalAccess } from './crash-steps-records.ts';

/** Everything of which the table says that it writes once, on things of a new account. */
export async function newSingleWrites(harness: CrashStepsHarness) {
  const { operations } = mortalAccess(harness);
  const { operations: webhooks, collections, run } = harness;
  const { caller, accountId, owner } = await harness.newOwner();
  const other = await harness.newOwner();
  const { linkAccount } = createAccounts({
    accounts: createAccountRepository(harness.mortal),
    requireAccountPlan: async () => {},
    issuer: 'https://login.example',
  });
  const request = {
    accountId,
    name: 'Key',
    dialect: 'kiln' as const,
    scopes: ['read' as const],
    restriction: {},
  };
  const { key } = await operations.createKey(ADMIN, request);
  const { id } = await harness.newEndpoint({ caller, accountId, owner }, ['*'], 200);
  const url = 'https://receiver.example/hook';
  const callback = { url, sealedSecret: null, status: 'pending', attempts: 0 } as const;
  const upload = anUpload({ owner });
  const job = aJob({ owner, callback });
  await collections.uploads.insertOne({ ...upload, _id: job.inputs[0]?.fileId ?? '' });
  await collections.jobs.insertOne(job);

  const writes = {
    createAccount: () => operations.createAccount(ADMIN, { name: 'New', plan: 'pro' }),
    renameAccount: () => operations.renameAccount(ADMIN, accountId, 'Other'),
    setAccountPlan: () => operations.setAccountPlan(ADMIN, accountId, 'basic'),
    linkAccount: () => linkAccount(ADMIN, accountId, `person of ${accountId}`),
    endSessions: () => operations.endSessions(ADMIN, accountId),
    editPlan: () => operations.editPlan(ADMIN, 'enterprise', { concurrency: 50 }),
    createKey: () => operations.createKey(ADMIN, request),
    renameKey: () => operations.renameKey(ADMIN, key._id, 'Other'),
    rotateKey: () => operations.rotateKey(ADMIN, key._id),
    revokeKey: () => operations.revokeKey(ADMIN, key._id),
    createEndpoint: () => webhooks.createEndpoint(other.caller, { url, events: ['*'], description: '' }),
    updateEndpoint: () => webhooks.updateEndpoint(caller, id, { description: 'Other' }),
    rotateSecret: () => webhooks.rotateSecret(caller, id),
    pauseEndpoint: () => webhooks.pauseEndpoint(caller, id),
    prepareCallback: () => run('prepareCallback', { jobId: job._id }),
    expireUpload: () => run('expireUpload', { jobId: job._id }),
    recordQueued: () => run('recordQueued', { jobId: job._id }),
  };
  return writes as Record<string, () => Promise<unknown>>;
}
