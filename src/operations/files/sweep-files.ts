import type { BlobStore } from '../../blobs/blob-store.ts';
import type { StoredFile, Upload } from '../../domain/files/file.ts';
import { GRACE_MS, LINKED_MS, type Retention } from '../../domain/files/retention.ts';
import { mapConcurrently } from '../../map-concurrently.ts';
import type { ExpiredPage } from '../../store/mongo/expired.ts';
import type { RetentionRepository } from '../../store/retention.ts';
import { pageOf, type SweptPage } from './sweep-pages.ts';

export interface SweepFilesPorts {
  retention: RetentionRepository;
  blobs: Pick<BlobStore, 'remove'>;
  lifetimes: Retention;
}

/**
 * Files and uploads whose time is over, documents before bytes: a crash in between leaves bytes that no
 * document names, and those are found by themselves.
 */
export function createSweepFiles({ retention, blobs, lifetimes }: SweepFilesPorts) {
  /** Looks at what would end before the next sweeps as well: whoever waits must not be refused in between. */
  const aheadMs = 2 * lifetimes.sweepMs;

  async function needs(files: readonly StoredFile[]) {
    const ids = files.map(({ _id }) => _id);
    const jobIds = files.map(({ jobId }) => jobId).filter((id) => id !== null);
    const batchIds = files.map(({ batchId }) => batchId).filter((id) => id !== undefined);
    const [inputs, jobs, packed, batches, linked] = await Promise.all([
      retention.inputsOfOpenJobs(ids),
      retention.openJobs(jobIds),
      retention.jobsOfOpenBatches(jobIds),
      retention.openBatches(batchIds),
      retention.subjectsOfOpenDeliveries([...ids, ...jobIds, ...batchIds]),
    ]);
    return {
      isNeeded: ({ _id, jobId, batchId }: StoredFile) =>
        inputs.has(_id) ||
        (jobId !== null && (jobs.has(jobId) || packed.has(jobId))) ||
        (batchId !== undefined && batches.has(batchId)),
      isLinked: ({ _id, jobId, batchId }: StoredFile) =>
        [_id, jobId ?? '', batchId ?? ''].some((id) => linked.has(id)),
    };
  }

  return {
    async sweepFiles(page: Omit<ExpiredPage, 'until'>, now: number): Promise<SweptPage<StoredFile>> {
      const files = await retention.expiredFiles({ ...page, until: new Date(now + aheadMs) });
      const { isNeeded, isLinked } = await needs(files);
      const longest = ({ createdAt }: StoredFile) => createdAt.getTime() + lifetimes.fileMs + LINKED_MS;
      const [kept, others] = partition(files, (file) => isLinked(file) && now < longest(file));
      await mapConcurrently(kept, (file) =>
        retention.extendFile(file, new Date(Math.min(longest(file), now + 2 * aheadMs))),
      );
      const removed = await retention.removeFiles(
        others.filter((file) => file.expiresAt.getTime() <= now - GRACE_MS && !isNeeded(file)),
      );
      await mapConcurrently(removed, ({ blobId }) => blobs.remove(blobId));
      return pageOf(files, 'expiresAt', page, removed);
    },

    async sweepUploads(page: Omit<ExpiredPage, 'until'>, now: number): Promise<SweptPage<Upload>> {
      const uploads = await retention.expiredUploads({ ...page, until: new Date(now - GRACE_MS) });
      const [inputs, jobs] = await Promise.all([
        retention.inputsOfOpenJobs(uploads.map(({ _id }) => _id)),
        retention.openJobs(uploads.map(({ jobId }) => jobId).filter((id) => id !== null)),
      ]);
      const removed = await retention.removeUploads(
        uploads.filter(({ _id, jobId }) => !inputs.has(_id) && !(jobId !== null && jobs.has(jobId))),
      );
      // The bytes of a finalized one belong to its file.
      const unnamed = removed.flatMap(({ blobId, state }) => (state === 'finalized' ? [] : (blobId ?? [])));
      await mapConcurrently(unnamed, (blobId) => blobs.remove(blobId));
      return pageOf(uploads, 'expiresAt', page, removed);
    },
  };
}

function partition<T>(items: readonly T[], isIn: (item: T) => boolean): [T[], T[]] {
  return [items.filter(isIn), items.filter((item) => !isIn(item))];
}
