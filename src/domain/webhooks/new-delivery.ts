import { newId } from '../id.ts';
import type { Delivery } from './delivery.ts';

type NewDelivery = Pick<
  Delivery,
  | '_id'
  | 'owner'
  | 'endpointId'
  | 'subjectId'
  | 'profile'
  | 'event'
  | 'url'
  | 'sealedSecret'
  | 'body'
  | 'begun'
> & { state?: Delivery['state'] };

/** Returns a delivery as it is inserted: no attempt yet, `pending` unless another state is given. */
export function newDelivery({ state = 'pending', ...fields }: NewDelivery): Delivery {
  const now = new Date();
  return {
    ...fields,
    // A callback is about its job, whatever the dialect calls that event.
    jobId: fields.endpointId === null || fields.event.startsWith('job.') ? fields.subjectId : null,
    state,
    stateSince: now,
    hold: null,
    attempts: [],
    roundBase: 0,
    round: null,
    nextAttemptAt: null,
    order: newId(),
    createdAt: now,
    updatedAt: now,
  };
}
