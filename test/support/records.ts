import { type ApiKey, type Caller, KEY_SCOPES } from '../../src/domain/access/account.ts';
import { type AccountPlan, DEFAULT_PLANS, planIdOf } from '../../src/domain/access/account-plan.ts';
import { type Batch, newBatch } from '../../src/domain/batches/batch.ts';
import type { StoredFile, Upload } from '../../src/domain/files/file.ts';
import { newId } from '../../src/domain/id.ts';
import type { IdempotencyRecord } from '../../src/domain/jobs/idempotency.ts';
import { type Job, ownerKey } from '../../src/domain/jobs/job.ts';
import { parseOptions } from '../../src/domain/options/image.ts';
import { closedCircuit } from '../../src/domain/webhooks/circuit.ts';
import type { Delivery } from '../../src/domain/webhooks/delivery.ts';
import type { Endpoint } from '../../src/domain/webhooks/endpoint.ts';
import { newDelivery } from '../../src/domain/webhooks/new-delivery.ts';
import { newJob } from '../../src/operations/jobs/new-job.ts';
import { createOnce } from '../../src/operations/jobs/once.ts';

const HOUR = 3_600_000;

/** Makes an upload as the operations do, with the fields that a test wants to differ. */
export function anUpload(different: Partial<Upload> = {}): Upload {
  return {
    _id: newId(),
    owner: 'account:a',
    jobId: null,
    filename: 'photo.png',
    mime: 'image/png',
    size: 10,
    state: 'open',
    blobId: null,
    received: null,
    fault: null,
    createdAt: new Date(),
    expiresAt: new Date(Date.now() + HOUR),
    ...different,
  };
}

export function aFile(different: Partial<StoredFile> = {}): StoredFile {
  return {
    _id: newId(),
    owner: 'account:a',
    blobId: 'blob',
    filename: 'photo.png',
    size: 10,
    sha256: '0'.repeat(64),
    format: null,
    mime: 'image/png',
    width: null,
    height: null,
    origin: 'upload',
    jobId: null,
    createdAt: new Date(),
    expiresAt: new Date(Date.now() + HOUR),
    ...different,
  };
}

/** Makes a job that waits for its upload. */
export function aJob(different: Partial<Job> = {}): Job {
  const id = different._id ?? newId();
  const fresh = newJob({
    id,
    owner: 'account:a',
    dialect: 'graphql',
    input: { upload: anUpload({ jobId: id }), file: null },
    source: null,
    target: 'webp',
    options: parseOptions('image', {}),
    callback: null,
  });
  return { ...fresh, ...different };
}

/** A batch of one job, as it is first written. */
export function aBatch(different: Partial<Batch> = {}): Batch {
  const { _id = newId(), jobIds = [newId()] } = different;
  const owned = { owner: 'account:a', dialect: 'graphql', label: null, retryOf: null } as const;
  return { ...newBatch({ ...owned, _id, jobIds, wantsArchive: false }), ...different };
}

export function aDelivery(different: Partial<Delivery> = {}): Delivery {
  const fresh = newDelivery({
    _id: newId(),
    owner: 'account:a',
    endpointId: null,
    subjectId: newId(),
    profile: 'swapmyfile',
    event: 'job.ready',
    url: 'https://receiver.example/hook',
    sealedSecret: null,
    body: '{}',
    begun: true,
  });
  return { ...fresh, ...different };
}

export function anEndpoint(different: Partial<Endpoint> = {}): Endpoint {
  const now = new Date();
  return {
    _id: newId(),
    accountId: newId(),
    url: 'https://receiver.example/hook',
    events: ['*'],
    description: '',
    state: 'enabled',
    disabledFor: null,
    stateSince: now,
    secrets: [],
    circuit: closedCircuit(),
    createdAt: now,
    updatedAt: now,
    ...different,
  };
}

/** Makes the caller of an account, by a key with all scopes. */
export function anAccountCaller(
  different: Partial<Extract<Caller, { kind: 'account' }>> = {},
): Extract<Caller, { kind: 'account' }> {
  return {
    kind: 'account',
    accountId: 'a',
    plan: 'pro',
    via: 'key',
    keyId: 'key',
    scopes: KEY_SCOPES,
    ...different,
  };
}

export function anApiKey(different: Partial<ApiKey> = {}): ApiKey {
  return {
    _id: newId(),
    accountId: 'a',
    name: 'First key',
    dialect: 'kiln',
    prefix: 'kiln_live_abcd',
    secretHash: newId(),
    publicKey: newId(),
    sealedSecretKey: 'sealed',
    scopes: [...KEY_SCOPES],
    restriction: { type: 'all' },
    createdAt: new Date(),
    secretSince: new Date(),
    revokedAt: null,
    lastUsedAt: null,
    usageCount: 0,
    ...different,
  };
}

/** The ports of a submission without limits. */
export const UNQUEUED = {
  once: createOnce({ idempotency: rememberedRequests() }),
  admissions: { openUploads: async () => {}, release: async () => {} },
  concurrencyKeyOf: (caller: Caller) => (caller.kind === 'anonymous' ? 'nobody' : ownerKey(caller)),
};

/** Returns the caller's plan, with the default terms. */
export async function defaultPlanOf(caller: Caller): Promise<AccountPlan> {
  const plan = DEFAULT_PLANS.get(planIdOf(caller));
  if (!plan) throw new Error(`There is no plan ${planIdOf(caller)}.`);
  return plan;
}

/** Remembers idempotency keys in memory. */
export function rememberedRequests() {
  const records = new Map<string, IdempotencyRecord>();
  return {
    find: async (id: string) => records.get(id) ?? null,
    async claim(record: IdempotencyRecord) {
      const known = records.get(record._id) ?? record;
      records.set(record._id, known);
      return known;
    },
  };
}
