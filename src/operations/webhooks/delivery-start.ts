import { type Delivery, nextAttempt } from '../../domain/webhooks/delivery.ts';
import type { DeliveryStart } from '../workflow-runner.ts';

/** Returns the input of the delivery's workflow; the same for a first start, a replay and a repair. */
export function deliveryStart(
  delivery: Pick<Delivery, '_id' | 'owner' | 'endpointId' | 'attempts' | 'event'>,
): DeliveryStart {
  const { _id, owner, endpointId, event } = delivery;
  return {
    deliveryId: _id,
    attempt: nextAttempt(delivery),
    fairnessKey: endpointId ?? owner,
    title: `${event} → ${endpointId ?? 'callback'}`,
  };
}
