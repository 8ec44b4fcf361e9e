import { type Caller, requireScope } from '../domain/account.ts';
import type { Batch } from '../domain/batch.ts';
import { ConversionError } from '../domain/errors.ts';
import { type Dialect, type Job, ownerKey } from '../domain/job.ts';
import type { BatchRepository } from '../store/batches.ts';
import type { JobRepository } from '../store/jobs.ts';

export interface FindBatchesPorts {
  batches: Pick<BatchRepository, 'get' | 'list'>;
  jobs: Pick<JobRepository, 'getMany'>;
}

export interface BatchQuery {
  before?: string;
  after?: string;
  limit: number;
}

/** Reads batches of the caller; somebody else's batch looks exactly like one that does not exist. */
export function createFindBatches({ batches, jobs }: FindBatchesPorts) {
  return {
    async findBatch(caller: Caller, id: string, dialect?: Dialect): Promise<Batch> {
      requireScope(caller, 'read', 'convert');
      const batch = await batches.get(id);
      const foreign = caller.kind === 'anonymous' || ownerKey(caller) !== batch.owner;
      if (foreign || (dialect && batch.dialect !== dialect))
        throw new ConversionError('NOT_FOUND', 'There is no such batch.');
      return batch;
    },

    async listBatches(caller: Caller, query: BatchQuery): Promise<Batch[]> {
      if (caller.kind === 'anonymous') throw new ConversionError('UNAUTHENTICATED', 'This needs an API key.');
      requireScope(caller, 'read');
      return batches.list({ ...query, owner: ownerKey(caller) });
    },

    /** Some of its jobs, in the order in which they were asked for. */
    jobsOf: ({ jobIds }: Pick<Batch, 'jobIds'>, from = 0, to = jobIds.length): Promise<Job[]> =>
      jobs.getMany(jobIds.slice(from, to)),
  };
}
