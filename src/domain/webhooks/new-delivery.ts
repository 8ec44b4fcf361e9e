import { newId } from '../id.ts';
import type { Delivery } from './delivery.ts';

type DeliveryFacts = Pick<
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

/** A delivery as it is first written: nothing has been sent. */
export function newDelivery({ state = 'pending', ...facts }: DeliveryFacts): Delivery {
  const now = new Date();
  return {
    ...facts,
    // A callback is about its job, whatever the dialect calls that event.
    jobId: facts.endpointId === null || facts.event.startsWith('job.') ? facts.subjectId : null,
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
