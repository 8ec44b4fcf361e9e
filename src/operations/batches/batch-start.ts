import type { Batch } from '../../domain/batches/batch.ts';
import type { BatchStart } from '../workflow-runner.ts';

/** What the workflow of this batch begins with; the same for a first start and for a repair. */
export function batchStart({
  _id,
  owner,
  label,
  total,
  archive,
}: Pick<Batch, '_id' | 'owner' | 'label' | 'total' | 'archive'>): BatchStart {
  return {
    batchId: _id,
    owner,
    title: `${total} jobs${label ? `: ${label}` : ''}`,
    total,
    wantsArchive: archive !== null,
  };
}
