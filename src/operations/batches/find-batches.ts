import { type Caller, requireScope } from '../../domain/access/account.ts';
import {
  type Batch,
  type BatchCounts,
  type BatchSummary,
  countsOf,
  knownCounts,
  MAX_BATCH_JOBS,
} from '../../domain/batches/batch.ts';
import type { Dialect } from '../../domain/dialect.ts';
import { KilnError } from '../../domain/errors.ts';
import { type Job, ownerKey } from '../../domain/jobs/job.ts';
import type { Page } from '../../domain/page.ts';
import type { BatchRepository } from '../../store/batches.ts';
import type { JobRepository } from '../../store/jobs.ts';

export interface FindBatchesPorts {
  batches: Pick<BatchRepository, 'get' | 'getAmongMany' | 'list' | 'jobIdsOf' | 'outcomesOf'>;
  jobs: Pick<JobRepository, 'getMany'>;
}

/** Reads batches of the caller; somebody else's batch looks exactly like one that does not exist. */
export function createFindBatches({ batches, jobs }: FindBatchesPorts) {
  return {
    async findBatch(caller: Caller, id: string, dialect?: Dialect): Promise<Batch> {
      requireScope(caller, 'read', 'convert');
      const batch = await batches.get(id);
      const foreign = caller.kind === 'anonymous' || ownerKey(caller) !== batch.owner;
      if (foreign || (dialect && batch.dialect !== dialect))
        throw new KilnError('NOT_FOUND', 'There is no such batch.');
      return batch;
    },

    async listBatches(caller: Caller, page: Page): Promise<BatchSummary[]> {
      if (caller.kind === 'anonymous') throw new KilnError('UNAUTHENTICATED', 'This needs an API key.');
      requireScope(caller, 'read');
      return batches.list({ ...page, owner: ownerKey(caller) });
    },

    /** The same batch with its lists, which lists of batches leave out. */
    async wholeBatch({ events, jobIds, outcomes, ...batch }: BatchSummary & Partial<Batch>): Promise<Batch> {
      const known = events && jobIds && outcomes && { ...batch, events, jobIds, outcomes };
      const whole = known ?? (await batches.getAmongMany(batch._id));
      if (whole) return whole;
      throw new KilnError('NOT_FOUND', 'There is no such batch.');
    },

    /** Some of its jobs, in the order in which they were asked for. */
    async jobsOf(
      { _id, jobIds }: Pick<Batch, '_id'> & Partial<Batch>,
      from = 0,
      count = MAX_BATCH_JOBS,
    ): Promise<Job[]> {
      const known = jobIds?.slice(from, from + count);
      return jobs.getMany(known ?? (await batches.jobIdsOf({ id: _id, from, count })));
    },

    /** Its jobs by where they stand. Only batches of earlier versions are read once more for it. */
    async batchCountsOf(batch: BatchSummary): Promise<BatchCounts> {
      const known = knownCounts(batch);
      if (known) return known;
      const lists = await batches.outcomesOf(batch._id);
      if (lists) return countsOf(lists);
      throw new KilnError('NOT_FOUND', 'There is no such batch.');
    },
  };
}
