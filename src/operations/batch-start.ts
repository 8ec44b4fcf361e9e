import type { Batch } from '../domain/batch.ts';
import type { BatchStart } from './runner.ts';

/** What the workflow of this batch begins with; the same for a first start and for a repair. */
export function batchStart({ _id, owner, label, jobIds, archive }: Batch): BatchStart {
  return {
    batchId: _id,
    owner,
    title: `${jobIds.length} jobs${label ? `: ${label}` : ''}`,
    total: jobIds.length,
    wantsArchive: archive !== null,
  };
}
