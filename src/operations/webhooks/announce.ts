import { chargedAccount } from '../../domain/credits/credits.ts';
import { derivedId } from '../../domain/id.ts';
import type { Delivery } from '../../domain/webhooks/delivery.ts';
import type { Endpoint } from '../../domain/webhooks/endpoint.ts';
import { newDelivery } from '../../domain/webhooks/new-delivery.ts';
import { standardBody } from '../../domain/webhooks/standard-body.ts';
import { isSubscribed, type TEST_EVENT, type WebhookEvent } from '../../domain/webhooks/webhook-event.ts';
import type { Log } from '../../log.ts';
import type { DeliveryRepository } from '../../store/deliveries.ts';
import type { EndpointRepository } from '../../store/endpoints.ts';
import { createRecent } from '../recent.ts';
import type { Courier } from './courier.ts';

export interface AnnouncePorts {
  endpoints: Pick<EndpointRepository, 'list'>;
  deliveries: Pick<DeliveryRepository, 'insertIfAbsent'>;
  /** What has no courier yet is found by the sweeper. */
  courier(): Pick<Courier, 'take'>;
  log: Pick<Log, 'warn'>;
  /** Milliseconds for which the endpoints of an account are believed without looking again. */
  freshMs?: number;
}

/** Something that happened to what an account owns. */
export interface Announcement {
  /** As `ownerKey` writes it; a guest has no endpoints, so nobody is told. */
  owner: string;
  type: WebhookEvent | typeof TEST_EVENT;
  /** The job, batch, file or endpoint that it is about. */
  subjectId: string;
  /** What the receiver is shown: JSON, and safe for the owner to see. */
  data: object;
  /** Tells one event of this type and subject from another, where there can be several. */
  cause?: string;
}

const FRESH_MS = 2000;

export type Announce = ReturnType<typeof createAnnounce>['announce'];

/**
 * The one door through which webhook events enter. May be repeated: the id of each delivery follows from
 * what it is about, and what a crash leaves on its way is found by the sweeper.
 */
export function createAnnounce({ endpoints, deliveries, courier, log, freshMs = FRESH_MS }: AnnouncePorts) {
  const recent = createRecent(endpoints.list, freshMs);

  /** One message to one endpoint, whatever it asked for. @returns its delivery, unless it was there before. */
  async function sendTo(endpoint: Endpoint, announcement: Announcement): Promise<Delivery | null> {
    const delivery = deliveryOf(endpoint, announcement);
    if (!(await deliveries.insertIfAbsent(delivery))) return null;
    if (delivery.state === 'pending') {
      await courier()
        .take(delivery)
        .catch((error: unknown) => {
          log.warn({ deliveryId: delivery._id, error: String(error) }, 'a delivery begins later');
        });
    }
    return delivery;
  }

  return {
    sendTo,

    /** After a change that has to count at once; other processes follow within two seconds. */
    forgetEndpoints: recent.forget,

    /** Whether anybody listens at all: most owners have no endpoint, and nothing need be put together for them. */
    async isHeard(owner: string): Promise<boolean> {
      const accountId = chargedAccount(owner);
      return accountId !== null && (await recent.get(accountId)).length > 0;
    },

    /** Tells every endpoint of the owner that asked for it, apart from the one that it is about. */
    async announce(announcement: Announcement): Promise<void> {
      const accountId = chargedAccount(announcement.owner);
      if (!accountId) return;
      const told = (await recent.get(accountId)).filter(
        ({ _id, events }) => _id !== announcement.subjectId && isSubscribed(events, announcement.type),
      );
      await Promise.all(told.map((endpoint) => sendTo(endpoint, announcement)));
    },
  };
}

/** To a disabled endpoint nothing is sent, but what it missed can be replayed. */
function deliveryOf(endpoint: Endpoint, { owner, type, subjectId, data, cause }: Announcement): Delivery {
  const name = [type, subjectId, ...(cause === undefined ? [] : [cause])].join(':');
  return newDelivery({
    _id: derivedId(name, endpoint._id),
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
