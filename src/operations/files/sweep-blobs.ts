import type { BlobStore } from '../../blobs/blob-store.ts';
import { type BlobOwner, blobOwner } from '../../domain/files/blob-name.ts';
import { foldersOfSweep, orphanMs, type Retention, type Swept } from '../../domain/files/retention.ts';
import { mapConcurrently } from '../../map-concurrently.ts';
import type { FileRepository } from '../../store/files.ts';
import type { RetentionRepository } from '../../store/retention.ts';

export interface SweepBlobsPorts {
  retention: RetentionRepository;
  files: Pick<FileRepository, 'blobsOf'>;
  blobs: Pick<BlobStore, 'folders' | 'listOld' | 'remove'>;
  lifetimes: Retention;
}

/** Half of a blob, as earlier versions wrote it beside the whole ones. */
const EARLIER_HALF = /\.part$/;
/** The names of earlier versions do not say whose job they were made for, so they are given a week. */
const EARLIER_MS = 7 * 24 * 3_600_000;

interface Found {
  blobId: string;
  owner: BlobOwner;
}

/** Bytes that no document names: what crashes left between two steps. */
export function createSweepBlobs({ retention, files, blobs, lifetimes }: SweepBlobsPorts) {
  const cycleMs = orphanMs(lifetimes);

  /**
   * Those of these blobs that are nobody's. Who may still be about to name one is asked first, and the
   * documents afterwards: a job that publishes its result and ends in between is seen by one of the two.
   */
  async function orphans(found: readonly Found[]): Promise<string[]> {
    const jobIds = found.flatMap(({ owner }) => (owner.kind === 'output' && owner.jobId) || []);
    const batchIds = found.flatMap(({ owner }) => (owner.kind === 'archive' ? owner.batchId : []));
    const uploadIds = found.flatMap(({ owner }) => (owner.kind === 'upload' ? owner.fileId : []));
    const [jobs, batches, uploads] = await Promise.all([
      retention.openJobs(jobIds),
      retention.openBatches(batchIds),
      retention.blobsOfUploads(uploadIds),
    ]);
    const named = await files.blobsOf(found.map(({ owner }) => owner.fileId));
    const isWanted = ({ blobId, owner }: Found) => {
      if (named.get(owner.fileId) === blobId) return true;
      if (owner.kind === 'upload') return uploads.get(owner.fileId) === blobId;
      if (owner.kind === 'archive') return batches.has(owner.batchId);
      return owner.jobId !== null && jobs.has(owner.jobId);
    };
    return found.filter((one) => !isWanted(one)).map(({ blobId }) => blobId);
  }

  async function sweepFolder(folder: number, now: number): Promise<{ seen: number; removed: number }> {
    const old = await blobs.listOld(folder, new Date(now - cycleMs));
    const veryOld = new Set(await blobs.listOld(folder, new Date(now - EARLIER_MS)));
    const halves = old.filter((blobId) => EARLIER_HALF.test(blobId));
    const owned = old.flatMap((blobId) => {
      const owner = blobOwner(blobId);
      // What Kiln did not name is not Kiln's to remove.
      if (!owner || EARLIER_HALF.test(blobId)) return [];
      const isEarlier = owner.kind === 'output' && owner.jobId === null;
      return isEarlier && !veryOld.has(blobId) ? [] : [{ blobId, owner }];
    });
    const unwanted = [...halves, ...(owned.length > 0 ? await orphans(owned) : [])];
    await mapConcurrently(unwanted, (blobId) => blobs.remove(blobId));
    return { seen: old.length, removed: unwanted.length };
  }

  return {
    /** Goes through folders until it has seen `limit` blobs. @param after as `Swept` names it: `<from>-<to>`. */
    async sweepBlobs(after: string | null, limit: number, now: number): Promise<Swept> {
      const { folders } = blobs;
      const { sweepMs } = lifetimes;
      const [first, end] = after?.split('-').map(Number) ?? [];
      const slice = foldersOfSweep(now, { folders, sweepMs, cycleMs });
      const { from, to } = first === undefined || end === undefined ? slice : { from: first, to: end };
      let [removed, seen, folder] = [0, 0, from];
      for (; folder < to && seen < limit; folder += 1) {
        const swept = await sweepFolder(folder, now);
        seen += swept.seen;
        removed += swept.removed;
      }
      return { next: folder < to ? `${folder}-${to}` : null, removed };
    },
  };
}
