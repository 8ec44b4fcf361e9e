import { EventEmitter } from 'node:events';
import type { Repositories } from '../../src/app/repositories.ts';
import type { Account } from '../../src/domain/access/account.ts';
import { DEFAULT_PLANS } from '../../src/domain/access/account-plan.ts';
import { KilnError } from '../../src/domain/errors.ts';
import type { StoredFile, Upload } from '../../src/domain/files/file.ts';
import type { Job, JobStatus } from '../../src/domain/jobs/job.ts';
import { hashApiKey } from '../../src/secrets/api-key.ts';
import { anApiKey, rememberedRequests } from './records.ts';

interface Page {
  owner: string;
  before?: string;
  after?: string;
  limit: number;
}

/**
 * Repositories over maps, for tests of what is above the operations. Nothing is counted, nobody waits and nobody
 * has endpoints; that is tested on a real database.
 */
export function createMemory() {
  const jobs = new Map<string, Job>();
  const uploads = new Map<string, Upload>();
  const files = new Map<string, StoredFile>();
  const accounts = new Map<string, Account>();
  const accountIds = new Map<string, string>();
  const changes = new EventEmitter().setMaxListeners(0);

  /** Changes an upload that is not over yet. Returns it as it was, null when it is over. */
  function changeUpload(id: string, patch: (upload: Upload) => Partial<Upload>): Upload | null {
    const before = one(uploads, id, 'upload');
    if (before.state !== 'open' && before.state !== 'received') return null;
    uploads.set(id, { ...before, ...patch(before) });
    return before;
  }

  const repositories = {
    jobs: {
      get: async (id: string) => one(jobs, id, 'job'),
      find: async (id: string) => jobs.get(id) ?? null,
      insertIfAbsent: async (job: Job) => jobs.set(job._id, job).size > 0,
      expectMove: async () => {},
      transition: async (id: string) => one(jobs, id, 'job'),
      list: async (page: Page & { status?: JobStatus }) =>
        pageOf(jobs, page).filter(({ status }) => !page.status || status === page.status),
    },
    uploads: {
      get: async (id: string) => one(uploads, id, 'upload'),
      find: async (id: string) => uploads.get(id) ?? null,
      insertIfAbsent: async (upload: Upload) => uploads.set(upload._id, upload).size > 0,
      async receive(id: string, blobId: string, received: NonNullable<Upload['received']>) {
        const before = changeUpload(id, () => ({ state: 'received', blobId, received }));
        return before ? before.blobId : ('closed' as const);
      },
      finalize: async (id: string) => changeUpload(id, () => ({ state: 'finalized' })) !== null,
      reject: async (id: string, fault: Upload['fault']) =>
        void changeUpload(id, () => ({ state: 'rejected', fault })),
    },
    files: {
      get: async (id: string) => one(files, id, 'file'),
      insertIfAbsent: async (file: StoredFile) => void files.set(file._id, files.get(file._id) ?? file),
      list: async (page: Page) => pageOf(files, page),
      remove: async (id: string) => void files.delete(id),
    },
    jobChanges: {
      subscribe: (id: string, listener: () => void) => {
        changes.on(id, listener);
        return () => changes.off(id, listener);
      },
    },
    keys: {
      async findBySecretHash(hash: string) {
        const accountId = accountIds.get(hash);
        return accountId === undefined ? null : anApiKey({ accountId });
      },
      addUses: async () => {},
    },
    accounts: { find: async (id: string) => accounts.get(id) ?? null },
    plans: { seed: async () => {}, list: async () => [...DEFAULT_PLANS.values()] },
    windows: { hit: async () => true },
    masterKeys: { noteInFront: async () => {} },
    admissions: { open: async () => true, leave: async () => [], positionOf: async () => null },
    credits: { get: () => Promise.reject(new Error('What is free must not ask for credits.')) },
    endpoints: { list: async () => [] },
    idempotency: rememberedRequests(),
  };

  return {
    // What the operations of these tests use, and no more.
    repositories: repositories as unknown as Repositories,
    /** Makes an account that this API key opens. */
    addKey(apiKey: string, plan = 'pro', accountId = hashApiKey(apiKey)): void {
      accountIds.set(hashApiKey(apiKey), accountId);
      accounts.set(accountId, { _id: accountId, name: accountId, plan, createdAt: new Date() });
    },
    changeUpload,
    /** Changes a job, and tells those who watch it. */
    changeJob(id: string, patch: (job: Job) => Partial<Job>): void {
      const job = one(jobs, id, 'job');
      jobs.set(id, { ...job, ...patch(job), updatedAt: new Date() });
      changes.emit(id);
    },
    /** How many watchers listen to a job. */
    watchers: (id: string) => changes.listenerCount(id),
  };
}

function one<T>(collection: Map<string, T>, id: string, what: string): T {
  const found = collection.get(id);
  if (!found) throw new KilnError('NOT_FOUND', `There is no such ${what}.`);
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
