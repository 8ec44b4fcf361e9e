import { randomBytes } from 'node:crypto';
import { accessSlice } from '../../src/app/access.ts';
import { joinSlices } from '../../src/app/app.ts';
import type { BlobStore } from '../../src/blobs/blob-store.ts';
import { loadConfig } from '../../src/config.ts';
import { KilnError } from '../../src/domain/errors.ts';
import { isTerminal, type Job, type JobStatus } from '../../src/domain/jobs/job.ts';
import type { WorkflowRunner } from '../../src/operations/workflow-runner.ts';
import { newInfrastructure } from '../support/harness/infrastructure.ts';
import { createMemory } from '../support/memory.ts';

/** Ids of two accounts and their keys, which are their names as well. */
export const ALICE = 'alice-key';
export const BOB = 'bob-key';

/** Opens the admin part. */
export const ADMIN_TOKEN = 'admin-token';

/**
 * The real operations over collections in memory. Engines and workflows are played by the test,
 * through `move` and `progress`.
 */
export function createService() {
  const { repositories, addKey, changeUpload, changeJob, watchers } = createMemory();
  for (const name of [ALICE, BOB]) addKey(name, 'pro', name);

  function move(id: string, status: JobStatus, patch: Partial<Job> = {}): void {
    const at = new Date();
    changeJob(id, (job) => ({
      ...patch,
      status,
      seq: job.seq + 1,
      events: [...job.events, { type: 'status', status, at, cause: `${status}/${job.seq}`, message: null }],
      finishedAt: isTerminal(status) ? at : null,
    }));
  }

  const shared = newInfrastructure({
    repositories,
    config: loadConfig({ KILN_LIMIT_UPLOAD_BYTES: '10000000' }),
    masterKeys: [randomBytes(32)],
    adminToken: ADMIN_TOKEN,
    blobs: { size: async () => 1 } as unknown as BlobStore,
    runner: {
      startJob: async () => {},
      uploadCompleted: async ({ jobId }: { jobId: string }) => move(jobId, 'queued'),
      cancelJob: async ({ jobId }: { jobId: string }) => {
        if (isTerminal((await repositories.jobs.get(jobId)).status))
          throw new KilnError('WRONG_STATE', 'The job has already ended.');
        move(jobId, 'cancelled');
      },
    } as unknown as WorkflowRunner,
  });
  const { operations } = joinSlices(shared, accessSlice(shared));

  return {
    operations,
    links: shared.links,
    move,
    progress: (id: string, percent: number) =>
      changeJob(id, () => ({ progress: { percent, stage: 'encoding' } })),
    /** Lets older events fall out of the window, as 500 newer ones would. */
    forgetEvents: (id: string, kept: number) =>
      changeJob(id, ({ events }) => ({ events: events.slice(-kept) })),
    /** Plays the signed PUT. */
    receive: (uploadId: string) =>
      changeUpload(uploadId, ({ size }) => ({
        state: 'received',
        blobId: 'blob',
        received: { size, sha256: 'a'.repeat(64) },
      })),
    watchers,
  };
}

export type Service = ReturnType<typeof createService>;
