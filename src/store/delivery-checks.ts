import type { Delivery } from '../domain/webhooks/delivery.ts';
import { type Collections, translateErrors } from './mongo/mongo.ts';

/** As much of a pending delivery as is needed to see whether somebody takes care of it. */
export type PendingDelivery = Pick<
  Delivery,
  | '_id'
  | 'owner'
  | 'event'
  | 'endpointId'
  | 'hold'
  | 'begun'
  | 'order'
  | 'updatedAt'
  | 'nextAttemptAt'
  | 'attempts'
>;

/** Bodies and answers are long, and no repair reads them. */
const WITHOUT_BODY = { body: 0, 'attempts.responseHead': 0 } as const;

export type DeliveryChecks = ReturnType<typeof createDeliveryChecks>;

/** Which deliveries may have been forgotten, each kind found by an index of its own. */
export function createDeliveryChecks({ deliveries }: Pick<Collections, 'deliveries'>) {
  return translateErrors({
    /** Those that nobody has taken up since `before`, the oldest first. */
    listLost: (before: Date, limit: number): Promise<PendingDelivery[]> =>
      deliveries
        .find(
          { state: 'pending', begun: false, updatedAt: { $lt: before } },
          { sort: { updatedAt: 1 }, limit, projection: WITHOUT_BODY },
        )
        .toArray(),

    /** Those whose attempt was due before `before`, from the one due after `after` on. */
    listOverdue: (after: Date, before: Date, limit: number): Promise<PendingDelivery[]> =>
      deliveries
        .find(
          { state: 'pending', nextAttemptAt: { $gt: after, $lt: before } },
          { sort: { nextAttemptAt: 1 }, limit, projection: WITHOUT_BODY },
        )
        .toArray(),

    /** The endpoints that something waits for. */
    async heldEndpoints(): Promise<string[]> {
      const held = await Promise.all(
        (['paused', 'circuit'] as const).map((hold) =>
          deliveries.distinct('endpointId', { state: 'pending', hold }),
        ),
      );
      return [...new Set(held.flat())].filter((id) => id !== null);
    },

    /** Those of an endpoint that wait for something else than their schedule. */
    async listHeld(endpointId: string, limit: number): Promise<PendingDelivery[]> {
      return deliveries
        .find(
          { endpointId, state: 'pending', hold: { $in: ['paused', 'circuit', 'busy'] } },
          { sort: { order: 1 }, limit, projection: WITHOUT_BODY },
        )
        .toArray();
    },
  });
}
