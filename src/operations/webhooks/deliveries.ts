import type { Actor } from '../../domain/access/account.ts';
import { chargedAccount } from '../../domain/credits/credits.ts';
import { KilnError } from '../../domain/errors.ts';
import { isId } from '../../domain/id.ts';
import { ownerKey } from '../../domain/jobs/job.ts';
import { notACursor } from '../../domain/page.ts';
import type { Delivery, DeliveryAttempt, DeliverySummary } from '../../domain/webhooks/delivery.ts';
import { mapConcurrently } from '../../map-concurrently.ts';
import type { DeliveryPage, DeliveryRepository } from '../../store/deliveries.ts';
import type { EndpointRepository } from '../../store/endpoints.ts';
import { requireAccountId, requireManager } from '../access/accounts.ts';
import type { WorkflowRunner } from '../workflow-runner.ts';
import type { Dispatch } from './delivery-queue.ts';
import { requireReader } from './endpoints.ts';

export interface DeliveriesPorts {
  deliveries: DeliveryRepository;
  endpoints: Pick<EndpointRepository, 'find'>;
  dispatch: Dispatch;
  runner: Pick<WorkflowRunner, 'wakeDelivery'>;
}

/** Which deliveries to list; `accountId` is the actor's own account unless given. */
export type DeliveryQuery = Omit<DeliveryPage, 'owner'> & { accountId?: string | undefined };

/** Which ended deliveries to send again. */
export interface ReplayRequest {
  /** The actor's own account unless given. */
  accountId?: string | undefined;
  endpointId?: string | undefined;
  /** Created at this moment or later. */
  since: Date;
  /** Created before this moment; now unless given. */
  until?: Date | undefined;
  failedOnly: boolean;
  /** `next` of the call before; from the oldest unless given. */
  after?: string | undefined;
}

/** What one call replayed. */
export interface Replay {
  /** Deliveries that are sent again. */
  replayed: number;
  /** Deliveries that have not ended, or whose endpoint is not enabled or is deleted. */
  left: number;
  /** The `after` of the next call; null when that was all. */
  next: string | null;
}

const PAGE = 200;
/** One call ends after about this many deliveries, since a caller waits for it. */
const MAX_REPLAYED = 2000;

/** Builds the requests about deliveries: find, list and replay. */
export function createDeliveries({ deliveries, endpoints, dispatch, runner }: DeliveriesPorts) {
  /**
   * Returns a delivery of the actor's account; any, for an admin.
   * @throws KilnError NOT_FOUND, also for somebody else's.
   */
  async function findDelivery(actor: Actor, id: string): Promise<Delivery> {
    requireReader(actor);
    const owner = actor.kind === 'admin' ? null : requireAccountId(actor, undefined);
    const delivery = await deliveries.get(id);
    const accountId = chargedAccount(delivery.owner);
    if (accountId === null || (owner !== null && accountId !== owner))
      throw new KilnError('NOT_FOUND', 'There is no such delivery.');
    return delivery;
  }

  /** Sends an ended delivery again: the same bytes under the same id. Returns null when it has not ended. */
  async function sendAgain(delivery: Delivery): Promise<Delivery | null> {
    if (delivery.state === 'pending') return null;
    const reopened = await deliveries.reopen(delivery);
    if (!reopened) return null;
    // If this process dies here, the repair round finds a delivery that nobody has begun.
    await dispatch(reopened);
    return reopened;
  }

  /** Whether the endpoint is enabled; a callback's receiver always is. */
  async function canBeSent({ endpointId }: Delivery): Promise<boolean> {
    return endpointId === null || (await endpoints.find(endpointId))?.state === 'enabled';
  }

  return {
    findDelivery,

    /** Returns one page without bodies and attempts; newest first unless only `after` is given. */
    async listDeliveries(actor: Actor, { accountId, ...query }: DeliveryQuery): Promise<DeliverySummary[]> {
      requireReader(actor);
      return deliveries.list({
        ...query,
        owner: ownerKey({ accountId: requireAccountId(actor, accountId) }),
      });
    },

    /** Returns the body, read now if a list left it out. @throws KilnError NOT_FOUND once it is swept. */
    bodyOf: async ({ _id, body }: DeliverySummary & Partial<Delivery>): Promise<string> =>
      body ?? required(await deliveries.bodyOf(_id)).body,

    /**
     * Returns the attempts, read now if a list left them out.
     * @throws KilnError NOT_FOUND once it is swept.
     */
    attemptsOf: async ({ _id, attempts }: DeliverySummary & Partial<Delivery>): Promise<DeliveryAttempt[]> =>
      attempts ?? required(await deliveries.attemptsOf(_id)).attempts,

    /**
     * Sends one delivery again. One that has not ended makes its next attempt at once instead.
     * @throws KilnError WRONG_STATE unless its endpoint is enabled.
     */
    async replayDelivery(actor: Actor, id: string): Promise<Delivery> {
      const delivery = await findDelivery(requireManager(actor), id);
      if (!(await canBeSent(delivery)))
        throw new KilnError('WRONG_STATE', 'The endpoint of this delivery is not enabled.', {
          hint: 'Resume it first; what went to a deleted endpoint cannot be sent again.',
        });
      const reopened = await sendAgain(delivery);
      if (!reopened) await runner.wakeDelivery(id);
      return reopened ?? deliveries.get(id);
    },

    /** Sends every ended delivery of a time again, oldest first; about 2,000 a call. */
    async replayDeliveries(actor: Actor, request: ReplayRequest): Promise<Replay> {
      const accountId = requireAccountId(requireManager(actor), request.accountId);
      const { endpointId, since, until, failedOnly } = request;
      if (request.after !== undefined && !isId(request.after)) throw notACursor('after');
      // Deliveries that are made while this runs are being sent already.
      const upToNow = new Date(Date.now() + 1);
      const filter = { owner: ownerKey({ accountId }), endpointId, since, until: until ?? upToNow };
      const page = { ...filter, ...(failedOnly && { state: 'failed' as const }), limit: PAGE };
      const known = new Map<string | null, Promise<boolean>>();
      const isPossible = (delivery: Delivery) => {
        const answer = known.get(delivery.endpointId) ?? canBeSent(delivery);
        known.set(delivery.endpointId, answer);
        return answer;
      };
      let [replayed, left] = [0, 0];
      for (let after = request.after ?? '0'; ; ) {
        const found = await deliveries.listWhole({ ...page, after });
        const again = await mapConcurrently(found, async (delivery) =>
          (await isPossible(delivery)) ? sendAgain(delivery) : null,
        );
        const sent = again.filter((delivery) => delivery !== null).length;
        replayed += sent;
        left += found.length - sent;
        const last = found.at(-1);
        if (!last || found.length < PAGE) return { replayed, left, next: null };
        after = last.order;
        if (replayed + left >= MAX_REPLAYED) return { replayed, left, next: after };
      }
    },
  };
}

/** @throws KilnError NOT_FOUND: the delivery was swept after it was listed. */
function required<T>(found: T | undefined): T {
  if (found !== undefined) return found;
  throw new KilnError('NOT_FOUND', 'There is no such delivery.');
}
