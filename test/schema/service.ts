import { EventEmitter } from 'node:events';
import type { SchemaOperations } from '../../schema/context.ts';
import type { Account } from '../../src/domain/access/account.ts';
import { KilnError } from '../../src/domain/errors.ts';
import type { StoredFile, Upload } from '../../src/domain/files/file.ts';
import { isTerminal, type Job, type JobStatus } from '../../src/domain/jobs/job.ts';
import { createAccounts } from '../../src/operations/access/accounts.ts';
import { createAuthenticate } from '../../src/operations/access/authenticate.ts';
import { createCredits } from '../../src/operations/credits/credits.ts';
import { createQuote } from '../../src/operations/credits/quote.ts';
import { createCompleteUpload } from '../../src/operations/files/complete-upload.ts';
import { createFiles } from '../../src/operations/files/files.ts';
import { createPrepareUpload } from '../../src/operations/files/prepare-upload.ts';
import { createUploadedFiles } from '../../src/operations/files/uploaded-files.ts';
import { createCancelJob } from '../../src/operations/jobs/cancel-job.ts';
import { createFindJobs } from '../../src/operations/jobs/find-jobs.ts';
import { createSubmitJob } from '../../src/operations/jobs/submit-job.ts';
import { createWatchJob } from '../../src/operations/jobs/watch-job.ts';
import { createKeyring } from '../../src/secrets/keyring.ts';
import { createLinks } from '../../src/secrets/links.ts';
import { createTokenSigner } from '../../src/secrets/signed-token.ts';
import { anApiKey, defaultPlanOf, UNQUEUED } from '../support/records.ts';

/** Ids of two accounts and their keys, which are their names as well. */
export const ALICE = 'alice-key';
export const BOB = 'bob-key';

/** Opens the admin part. */
export const ADMIN_TOKEN = 'admin-token';
/** Accounts, keys, plans, batches and webhooks have tests of their own, on a real database. */
const UNUSED = {
  checkRateLimit: async () => {},
} as unknown as Pick<
  SchemaOperations,
  | 'checkRateLimit'
  | 'batchCountsOf'
  | 'cancelBatch'
  | 'createAccount'
  | 'createKey'
  | 'createSession'
  | 'watchDeliveries'
  | 'updateEndpoint'
  | 'testEndpoint'
  | 'rotateSecret'
  | 'resumeEndpoint'
  | 'replayDelivery'
  | 'replayDeliveries'
  | 'pauseEndpoint'
  | 'listEndpoints'
  | 'listDeliveries'
  | 'attemptsOf'
  | 'bodyOf'
  | 'findEndpoint'
  | 'findDelivery'
  | 'deleteEndpoint'
  | 'createEndpoint'
  | 'editPlan'
  | 'endSessions'
  | 'explainPolicy'
  | 'findAccount'
  | 'findBatch'
  | 'findPlan'
  | 'jobsOf'
  | 'linkAccount'
  | 'listAccounts'
  | 'listBatches'
  | 'listKeys'
  | 'listPlans'
  | 'readUsage'
  | 'renameAccount'
  | 'renameKey'
  | 'retryBatch'
  | 'retryJob'
  | 'reportSecrets'
  | 'revokeKey'
  | 'rotateKey'
  | 'rotateSecrets'
  | 'setAccountPlan'
  | 'submitBatch'
  | 'watchBatch'
  | 'wholeBatch'
>;

const HOUR_MS = 3_600_000;
const LIMITS = { uploadBytes: 10_000_000, uploadMs: HOUR_MS };

/**
 * The real operations over collections in memory. Engines and workflows are played by the test,
 * through `move` and `progress`.
 */
export function createService() {
  const jobs = new Map<string, Job>();
  const uploads = new Map<string, Upload>();
  const files = new Map<string, StoredFile>();
  const changes = new EventEmitter().setMaxListeners(0);
  const links = createLinks(createTokenSigner(createKeyring([new Uint8Array(32).fill(7)])));

  function change(id: string, patch: (job: Job) => Partial<Job>): void {
    const job = one(jobs, id);
    jobs.set(id, { ...job, ...patch(job), updatedAt: new Date() });
    changes.emit(id);
  }

  function move(id: string, status: JobStatus, patch: Partial<Job> = {}): void {
    const at = new Date();
    change(id, (job) => ({
      ...patch,
      status,
      seq: job.seq + 1,
      events: [...job.events, { type: 'status', status, at, cause: `${status}/${job.seq}`, message: null }],
      finishedAt: isTerminal(status) ? at : null,
    }));
  }

  const jobStore = {
    get: async (id: string) => one(jobs, id),
    find: async (id: string) => jobs.get(id) ?? null,
    insertIfAbsent: async (job: Job) => jobs.set(job._id, job).size > 0,
    expectMove: async () => {},
    transition: async (id: string) => one(jobs, id),
    list: async (page: Page & { status?: JobStatus }) =>
      pageOf(jobs, page).filter(({ status }) => !page.status || status === page.status),
  };
  const ports = {
    jobs: jobStore,
    uploads: {
      get: async (id: string) => one(uploads, id),
      find: async (id: string) => uploads.get(id) ?? null,
      insertIfAbsent: async (upload: Upload) => uploads.set(upload._id, upload).size > 0,
      finalize: async (id: string) => {
        const upload = one(uploads, id);
        uploads.set(id, { ...upload, state: 'finalized' });
        return upload.state === 'received';
      },
    },
    files: {
      get: async (id: string) => one(files, id),
      insertIfAbsent: async (file: StoredFile) => void files.set(file._id, files.get(file._id) ?? file),
      list: async (page: Page) => pageOf(files, page),
      remove: async (id: string) => void files.delete(id),
    },
    changes: {
      subscribe: (id: string, listener: () => void) => {
        changes.on(id, listener);
        return () => changes.off(id, listener);
      },
    },
    runner: {
      startJob: async () => {},
      uploadCompleted: async ({ jobId }: { jobId: string }) => move(jobId, 'queued'),
      cancelJob: async ({ jobId }: { jobId: string }) => {
        if (isTerminal(one(jobs, jobId).status))
          throw new KilnError('WRONG_STATE', 'The job has already ended.');
        move(jobId, 'cancelled');
      },
      ping: async () => {},
    },
    blobs: { size: async () => 1 },
    keys: {
      findBySecretHash: async (hash: string) =>
        [ALICE, BOB].includes(hash) ? anApiKey({ accountId: hash }) : null,
    },
    accounts: {
      find: async (id: string): Promise<Account> => ({
        _id: id,
        name: id,
        plan: 'pro',
        createdAt: new Date(),
      }),
    },
    hashApiKey: (apiKey: string) => apiKey,
    readGuestToken: (token: string) => {
      const subject = links.subjectOf('guest', token);
      return subject === 'expired' ? null : subject;
    },
    readSession: () => null,
    readLogin: async () => null,
    addressOf: () => null,
    noteUse: () => {},
    planOf: defaultPlanOf,
    limits: LIMITS,
    fileMs: HOUR_MS,
    checkUrl: (url: string) => {
      if (url.includes('169.254.')) throw new KilnError('BLOCKED_ADDRESS', 'The address is not allowed.');
    },
    seal: (secret: string) => `sealed:${secret.length}`,
  };

  // The collections above have what these operations use of a repository, and no more.
  // biome-ignore lint/suspicious/noExplicitAny: one cast instead of nine incomplete repositories.
  const stores = ports as any;
  const given = { ...stores, files: createUploadedFiles(stores) };
  const finders = createFindJobs(given);
  const operations = {
    ...finders,
    ...UNUSED,
    ...createWatchJob({ ...given, ...finders }),
    ...createFiles(given),
    ...createAccounts(given),
    ...createCredits(given),
    quote: createQuote(given),
    isAdminToken: (text) => text === ADMIN_TOKEN,
    authenticate: createAuthenticate(given),
    submitJob: createSubmitJob({ ...given, ...UNQUEUED }),
    queuePositionOf: async () => null,
    prepareUpload: createPrepareUpload({ ...given, ...UNQUEUED }),
    completeUpload: createCompleteUpload({ ...given, ...UNQUEUED }),
    cancelJob: createCancelJob({ ...given, ...finders }),
    links,
  } satisfies SchemaOperations;

  return {
    operations,
    links,
    move,
    progress: (id: string, percent: number) =>
      change(id, () => ({ progress: { percent, stage: 'encoding' } })),
    /** Lets older events fall out of the window, as 500 newer ones would. */
    forgetEvents: (id: string, kept: number) => change(id, ({ events }) => ({ events: events.slice(-kept) })),
    /** Plays the signed PUT. */
    receive(uploadId: string): void {
      const upload = one(uploads, uploadId);
      const received = { size: upload.size, sha256: 'a'.repeat(64) };
      uploads.set(uploadId, { ...upload, state: 'received', blobId: 'blob', received });
    },
    /** How many watchers listen to a job. */
    watchers: (id: string) => changes.listenerCount(id),
  };
}

export type Service = ReturnType<typeof createService>;

interface Page {
  owner: string;
  before?: string;
  after?: string;
  limit: number;
}

function one<T>(collection: Map<string, T>, id: string): T {
  const found = collection.get(id);
  if (!found) throw new KilnError('NOT_FOUND', 'There is no such thing.');
  return found;
}

/** The order that the repositories promise: newest first, unless only `after` is given. */
function pageOf<T extends { _id: string; owner: string }>(collection: Map<string, T>, page: Page): T[] {
  const { owner, before, after, limit } = page;
  const matching = [...collection.values()]
    .filter((item) => item.owner === owner && (!before || item._id < before) && (!after || item._id > after))
    .sort((a, b) => (a._id < b._id ? -1 : 1));
  return (after && !before ? matching : matching.reverse()).slice(0, limit);
}
