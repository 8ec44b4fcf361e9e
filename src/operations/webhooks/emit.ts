import { chargedAccount } from '../../domain/credits/credits.ts';
import { eventDeliveryId } from '../../domain/derived-ids.ts';
import type { Delivery } from '../../domain/webhooks/delivery.ts';
import type { Endpoint } from '../../domain/webhooks/endpoint.ts';
import { newDelivery } from '../../domain/webhooks/new-delivery.ts';
import { standardBody } from '../../domain/webhooks/standard-body.ts';
import { isSubscribed, type TEST_EVENT, type WebhookEvent } from '../../domain/webhooks/webhook-event.ts';
import type { Log } from '../../log.ts';
import type { DeliveryRepository } from '../../store/deliveries.ts';
import type { EndpointRepository } from '../../store/endpoints.ts';
import { createRecent } from '../recent.ts';
import type { DeliveryQueue } from './delivery-queue.ts';

export interface EmitPorts {
  endpoints: Pick<EndpointRepository, 'list'>;
  deliveries: Pick<DeliveryRepository, 'insertIfAbsent'>;
  queue: Pick<DeliveryQueue, 'push'>;
  log: Pick<Log, 'warn'>;
  /** Milliseconds for which a read of an account's endpoints is used again; 2,000 unless given. */
  freshMs?: number;
}

/** Something that happened to what an account owns. */
export interface EventToEmit {
  /** As `ownerKey` writes it. A guest has no endpoints: nothing is sent. */
  owner: string;
  type: WebhookEvent | typeof TEST_EVENT;
  /** The id of the job, batch, file or endpoint that the event is about. */
  subjectId: string;
  /** The payload: becomes JSON that the owner may see. */
  data: object;
  /** Tells apart events of the same type and subject, where there can be several. */
  cause?: string;
}

const FRESH_MS = 2000;

export type Emit = ReturnType<typeof createEmit>['emit'];
export type Subscribers = ReturnType<typeof createEmit>['subscribers'];

/**
 * Builds the only way in for webhook events. Each call may be repeated: the id of a delivery is derived from
 * its event and endpoint, and the repair round finds what a crash left between insert and dispatch.
 */
export function createEmit({ endpoints, deliveries, queue, log, freshMs = FRESH_MS }: EmitPorts) {
  const recent = createRecent(endpoints.list, freshMs);

  /**
   * Inserts one delivery to one endpoint, whatever it subscribed to, and pushes it to the queue unless the
   * endpoint is disabled. Returns the delivery, or null when it was there before.
   */
  async function enqueue(endpoint: Endpoint, event: EventToEmit): Promise<Delivery | null> {
    const delivery = deliveryOf(endpoint, event);
    if (!(await deliveries.insertIfAbsent(delivery))) return null;
    if (delivery.state === 'pending') {
      await queue.push(delivery).catch((error: unknown) => {
        log.warn({ deliveryId: delivery._id, error: String(error) }, 'a delivery begins later');
      });
    }
    return delivery;
  }

  /** Returns the owner's endpoints that subscribed to the event, disabled ones included; none for a guest. */
  async function subscribers(owner: string, type: EventToEmit['type']): Promise<Endpoint[]> {
    const accountId = chargedAccount(owner);
    if (accountId === null) return [];
    return (await recent.get(accountId)).filter(({ events }) => isSubscribed(events, type));
  }

  return {
    enqueue,
    subscribers,

    /**
     * Reads the endpoints of the account anew at the next event; other processes follow within two seconds.
     */
    forgetEndpoints: recent.forget,

    /** Enqueues the event for each subscriber, except the endpoint that the event is about. */
    async emit(event: EventToEmit): Promise<void> {
      const found = await subscribers(event.owner, event.type);
      const others = found.filter(({ _id }) => _id !== event.subjectId);
      await Promise.all(others.map((endpoint) => enqueue(endpoint, event)));
    },
  };
}

/** Builds the delivery. To a disabled endpoint it is failed from the start, so that it can be replayed. */
function deliveryOf(endpoint: Endpoint, event: EventToEmit): Delivery {
  const { owner, type, subjectId, data } = event;
  return newDelivery({
    _id: eventDeliveryId(endpoint._id, event),
    owner,
    endpointId: endpoint._id,
    subjectId,
    profile: 'standard',
    event: type,
    url: endpoint.url,
    sealedSecret: null,
    body: standardBody(type, data, new Date()),
    begun: false,
    ...(endpoint.state === 'disabled' && { state: 'failed' as const }),
  });
}
