import { Context } from '@temporalio/activity';
import type { Capabilities } from '../src/app/app.ts';
import type { DeliveryOutcome } from '../src/domain/webhooks/delivery.ts';

export interface AttemptInput {
  deliveryId: string;
  attempt: number;
  /** How often this attempt has been put off already. */
  holds?: number;
}

/** One attempt of a delivery, which its workflow knows by its id. */
export function createAttemptDelivery({ deliveries, deliver }: Capabilities) {
  return async function attemptDelivery({
    deliveryId,
    attempt,
    holds = 0,
  }: AttemptInput): Promise<DeliveryOutcome> {
    const signal = Context.current().cancellationSignal;
    return deliver(await deliveries.get(deliveryId), { attempt, holds, signal });
  };
}
