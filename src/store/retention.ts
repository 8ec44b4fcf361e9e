import type { Collection, Filter } from 'mongodb';
import type { Batch } from '../domain/batches/batch.ts';
import type { StoredFile, Upload } from '../domain/files/file.ts';
import { JOB_STATUSES, type Job, TERMINAL_STATUSES } from '../domain/jobs/job.ts';
import type { Delivery } from '../domain/webhooks/delivery.ts';
import { createIdempotencyRepository } from './idempotency.ts';
import { type ExpiredPage, findExpired } from './mongo/expired.ts';
import { type Collections, translateErrors } from './mongo/mongo.ts';

const OPEN = JOB_STATUSES.filter((status) => !TERMINAL_STATUSES.includes(status));

export type EndedJob = Pick<Job, '_id' | 'owner' | 'batchId' | 'callback' | 'spent' | 'repairAt'> & {
  finishedAt: Date;
};
export type EndedBatch = Pick<Batch, '_id'> & { finishedAt: Date };
export type OldDelivery = Pick<Delivery, '_id' | 'state' | 'createdAt'> &
  Partial<Pick<Delivery, 'stateSince' | 'updatedAt'>>;

export type RetentionRepository = ReturnType<typeof createRetentionRepository>;

/**
 * What has had its time, and what is still needed of it. Whatever is removed must be as it was read: a
 * change in between keeps it.
 */
export function createRetentionRepository(collections: Collections) {
  const { files, uploads, jobs, batches, deliveries, windows, accounts } = collections;

  return translateErrors({
    expiredFiles: (page: ExpiredPage): Promise<StoredFile[]> => findExpired(files, 'expiresAt', page),

    removeFiles: (expired: readonly StoredFile[]): Promise<StoredFile[]> =>
      removeAsRead(files, expired, ({ _id, expiresAt }) => ({ _id, expiresAt })),

    async extendFile({ _id, expiresAt }: StoredFile, until: Date): Promise<void> {
      await files.updateOne({ _id, expiresAt }, { $set: { expiresAt: until } });
    },

    expiredUploads: (page: ExpiredPage): Promise<Upload[]> => findExpired(uploads, 'expiresAt', page),

    removeUploads: (expired: readonly Upload[]): Promise<Upload[]> =>
      removeAsRead(uploads, expired, ({ _id, state, blobId }) => ({ _id, state, blobId })),

    async endedJobs(page: ExpiredPage): Promise<EndedJob[]> {
      const projection = { owner: 1, batchId: 1, callback: 1, spent: 1, repairAt: 1, finishedAt: 1 };
      return (await findExpired(jobs, 'finishedAt', page, { projection })) as EndedJob[];
    },

    removeJobs: (ended: readonly EndedJob[]): Promise<EndedJob[]> =>
      removeAsRead(jobs, ended, ({ _id, finishedAt }) => ({ _id, finishedAt })),

    async endedBatches(page: ExpiredPage): Promise<EndedBatch[]> {
      return (await findExpired(batches, 'finishedAt', page, {
        projection: { finishedAt: 1 },
      })) as EndedBatch[];
    },

    removeBatches: (ended: readonly EndedBatch[]): Promise<EndedBatch[]> =>
      removeAsRead(batches, ended, ({ _id, finishedAt }) => ({ _id, finishedAt })),

    async oldDeliveries(page: ExpiredPage): Promise<OldDelivery[]> {
      const projection = { state: 1, stateSince: 1, updatedAt: 1, createdAt: 1 };
      return findExpired(deliveries, 'createdAt', page, {
        where: { state: { $ne: 'pending' } },
        projection,
      });
    },

    removeDeliveries: (old: readonly OldDelivery[]): Promise<OldDelivery[]> =>
      removeAsRead(deliveries, old, ({ _id, state, updatedAt }) => ({
        _id,
        state,
        ...(updatedAt && { updatedAt }),
      })),

    /** Forgets callers who have not called since before `day` (YYYY-MM-DD). @returns how many it looked at. */
    async removeWindows(day: string, limit: number): Promise<number> {
      const idle = await windows
        .find({ day: { $lt: day } }, { sort: { day: 1 }, limit, projection: { seq: 1 } })
        .toArray();
      // Who calls meanwhile is counted in a window of today, which is another `seq`.
      await Promise.all(idle.map(({ _id, seq }) => windows.deleteOne({ _id, seq })));
      return idle.length;
    },

    removeIdempotencyRecords: createIdempotencyRepository(collections).sweep,

    /** Those of these jobs that have not ended. */
    async openJobs(ids: readonly string[]): Promise<Set<string>> {
      return idsOf(
        await jobs
          .find({ _id: { $in: [...ids] }, status: { $in: OPEN } }, { projection: { _id: 1 } })
          .toArray(),
      );
    },

    /** Those of these files that a job will read which has not ended. */
    async inputsOfOpenJobs(fileIds: readonly string[]): Promise<Set<string>> {
      const found = await jobs
        .find(
          // The cheap condition first: servers that have no index for the other look at every job.
          { status: { $in: OPEN }, 'inputs.fileId': { $in: [...fileIds] } },
          { projection: { 'inputs.fileId': 1 } },
        )
        .toArray();
      return new Set(found.flatMap(({ inputs }) => inputs.map(({ fileId }) => fileId)));
    },

    /** Those of these jobs whose batch is not over: their results may still be packed. */
    async jobsOfOpenBatches(jobIds: readonly string[]): Promise<Set<string>> {
      const found = await jobs
        .find({ _id: { $in: [...jobIds] }, batchId: { $exists: true } }, { projection: { batchId: 1 } })
        .toArray();
      const open = await openBatches(found.map(({ batchId }) => batchId ?? ''));
      return idsOf(found.filter(({ batchId }) => open.has(batchId ?? '')));
    },

    openBatches,

    /** Those of these batches that are there, over or not. */
    async knownBatches(ids: readonly string[]): Promise<Set<string>> {
      return idsOf(await batches.find({ _id: { $in: [...ids] } }, { projection: { _id: 1 } }).toArray());
    },

    /** Those of these subjects (jobs, batches, files) that a delivery is about which has not got through yet. */
    async subjectsOfOpenDeliveries(ids: readonly string[]): Promise<Set<string>> {
      const $in = [...ids];
      const options = { projection: { subjectId: 1, jobId: 1 } };
      const [now, earlier] = await Promise.all([
        deliveries.find({ state: 'pending', subjectId: { $in } }, options).toArray(),
        // Callbacks of earlier versions name their job only.
        deliveries.find({ state: 'pending', jobId: { $in } }, options).toArray(),
      ]);
      return new Set([...now, ...earlier].map(({ subjectId, jobId }) => subjectId || (jobId ?? '')));
    },

    /** Those of these jobs for which their account still holds credits. */
    async unsettledJobs(accountIds: readonly string[], jobIds: readonly string[]): Promise<Set<string>> {
      if (jobIds.length === 0) return new Set();
      const found = await accounts
        .find({ _id: { $in: [...accountIds] } }, { projection: { holds: 1 } })
        .toArray();
      const held = found.flatMap(({ holds }) =>
        Object.entries(holds ?? {}).filter(([, runs]) =>
          Object.values(runs).some(({ state }) => state === 'held'),
        ),
      );
      const wanted = new Set(jobIds);
      return new Set(held.map(([jobId]) => jobId).filter((jobId) => wanted.has(jobId)));
    },

    /** Which blob each of these uploads holds. */
    async blobsOfUploads(ids: readonly string[]): Promise<Map<string, string | null>> {
      const found = await uploads.find({ _id: { $in: [...ids] } }, { projection: { blobId: 1 } }).toArray();
      return new Map(found.map(({ _id, blobId }) => [_id, blobId]));
    },
  });

  async function openBatches(ids: readonly string[]): Promise<Set<string>> {
    const filter = { _id: { $in: [...ids] }, status: 'processing' as const };
    return idsOf(await batches.find(filter, { projection: { _id: 1 } }).toArray());
  }
}

/**
 * Removes those of the documents that still are as they were read, in two calls however many they are.
 * @returns those that are gone.
 */
async function removeAsRead<T extends { _id: string }, R extends { _id: string }>(
  collection: Collection<T>,
  read: readonly R[],
  unchanged: (document: R) => object,
): Promise<R[]> {
  if (read.length === 0) return [];
  const operations = read.map((document) => ({ deleteOne: { filter: unchanged(document) as Filter<T> } }));
  await collection.bulkWrite(operations, { ordered: false });
  const ids = { _id: { $in: read.map(({ _id }) => _id) } } as Filter<T>;
  const left = idsOf(await collection.find<{ _id: string }>(ids, { projection: { _id: 1 } }).toArray());
  return read.filter(({ _id }) => !left.has(_id));
}

function idsOf(documents: readonly { _id: string }[]): Set<string> {
  return new Set(documents.map(({ _id }) => _id));
}
