import { Context } from '@temporalio/activity';
import type { Delivery, DeliveryOutcome } from '../src/domain/webhooks/delivery.ts';
import type { DeliveryRepository } from '../src/store/deliveries.ts';

export interface AttemptInput {
  deliveryId: string;
  attempt: number;
  /** How often this attempt has been postponed already; 0 unless given. */
  holds?: number;
}

export interface AttemptDeliveryPorts {
  deliveries: Pick<DeliveryRepository, 'get'>;
  deliver(
    delivery: Delivery,
    which: { attempt: number; holds: number; signal: AbortSignal },
  ): Promise<DeliveryOutcome>;
}

/** Builds `attemptDelivery`, which makes one attempt of a delivery and returns what follows from it. */
export function createAttemptDelivery({ deliveries, deliver }: AttemptDeliveryPorts) {
  return async function attemptDelivery({
    deliveryId,
    attempt,
    holds = 0,
  }: AttemptInput): Promise<DeliveryOutcome> {
    const signal = Context.current().cancellationSignal;
    return deliver(await deliveries.get(deliveryId), { attempt, holds, signal });
  };
}
