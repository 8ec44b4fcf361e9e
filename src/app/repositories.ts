import { createAccountRepository } from '../store/accounts.ts';
import { createAdmissionChecks } from '../store/admissions/admission-checks.ts';
import { createAdmissionRepository } from '../store/admissions/admissions.ts';
import { createApiKeyRepository } from '../store/api-keys.ts';
import { createBatchRepository } from '../store/batches.ts';
import { createCreditRepository } from '../store/credits.ts';
import { createDeliveryRepository } from '../store/deliveries.ts';
import { createDeliveryChecks } from '../store/delivery-checks.ts';
import { createEndpointRepository } from '../store/endpoints.ts';
import { createFileRepository } from '../store/files.ts';
import { createIdempotencyRepository } from '../store/idempotency.ts';
import { createJobLeases } from '../store/job-leases.ts';
import { createJobRepository } from '../store/jobs.ts';
import { createLedgerRepository } from '../store/ledger.ts';
import { createLowCreditRepository } from '../store/low-credits.ts';
import { createMasterKeyRepository } from '../store/master-keys.ts';
import { createChanges } from '../store/mongo/changes.ts';
import type { Collections } from '../store/mongo/mongo.ts';
import { createPlanRepository } from '../store/plans.ts';
import { createRetentionRepository } from '../store/retention.ts';
import { createSealedSecretRepository } from '../store/sealed-secrets.ts';
import { createUploadRepository } from '../store/uploads.ts';
import { createWindowRepository } from '../store/windows.ts';

export type Repositories = ReturnType<typeof createRepositories>;

/** Builds everything that reads and writes the database. */
export function createRepositories(collections: Collections) {
  const jobChanges = createChanges(collections.jobs);
  const batchChanges = createChanges(collections.batches);
  return {
    jobChanges,
    batchChanges,
    accounts: createAccountRepository(collections),
    admissions: createAdmissionRepository(collections),
    admissionChecks: createAdmissionChecks(collections),
    batches: createBatchRepository(collections, batchChanges),
    credits: createCreditRepository(collections),
    deliveries: createDeliveryRepository(collections),
    deliveryChecks: createDeliveryChecks(collections),
    endpoints: createEndpointRepository(collections),
    files: createFileRepository(collections),
    idempotency: createIdempotencyRepository(collections),
    jobs: createJobRepository(collections, jobChanges),
    keys: createApiKeyRepository(collections),
    leases: createJobLeases(collections),
    ledger: createLedgerRepository(collections),
    lowCredits: createLowCreditRepository(collections),
    masterKeys: createMasterKeyRepository(collections),
    plans: createPlanRepository(collections),
    retention: createRetentionRepository(collections),
    sealed: createSealedSecretRepository(collections),
    uploads: createUploadRepository(collections),
    windows: createWindowRepository(collections),
    /** Ends the watching of changes. */
    async close(): Promise<void> {
      await Promise.all([jobChanges.close(), batchChanges.close()]);
    },
  };
}
