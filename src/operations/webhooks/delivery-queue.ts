import type { Delivery } from '../../domain/webhooks/delivery.ts';

/** Starts a stored delivery. Resolves once somebody is responsible for it, which is before it arrives. */
export type Dispatch = (delivery: Delivery) => Promise<void>;

/** Connects those who write deliveries with the dispatcher, which needs them itself and is built later. */
export interface DeliveryQueue {
  /** Sends everything that is pushed from now on to `dispatch`. The dispatcher calls it once. */
  attach(dispatch: Dispatch): void;
  /** Hands over a stored delivery. Does nothing before `attach`: the repair round finds what nobody began. */
  push: Dispatch;
}

/** Builds a queue that keeps nothing: what it is given is stored already. */
export function createDeliveryQueue(): DeliveryQueue {
  let attached: Dispatch | null = null;
  return {
    attach(dispatch) {
      attached = dispatch;
    },
    async push(delivery) {
      await attached?.(delivery);
    },
  };
}
