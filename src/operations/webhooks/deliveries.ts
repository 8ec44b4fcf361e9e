import type { Actor } from '../../domain/access/account.ts';
import { chargedAccount } from '../../domain/credits/credits.ts';
import { KilnError } from '../../domain/errors.ts';
import type { Delivery, DeliveryAttempt, DeliverySummary } from '../../domain/webhooks/delivery.ts';
import { mapConcurrently } from '../../map-concurrently.ts';
import type { DeliveryPage, DeliveryRepository } from '../../store/deliveries.ts';
import type { EndpointRepository } from '../../store/endpoints.ts';
import { requireAccountId, requireManager } from '../access/accounts.ts';
import type { WorkflowRunner } from '../workflow-runner.ts';
import type { Courier } from './courier.ts';
import { requireReader } from './endpoints.ts';

export interface DeliveriesPorts {
  deliveries: DeliveryRepository;
  endpoints: Pick<EndpointRepository, 'find'>;
  courier: Pick<Courier, 'take'>;
  runner: Pick<WorkflowRunner, 'wakeDelivery'>;
}

/** Which deliveries, of the actor's own account unless another one is named. */
export type DeliveryQuery = Omit<DeliveryPage, 'owner'> & { accountId?: string | undefined };

export interface ReplayWish {
  accountId?: string | undefined;
  endpointId?: string | undefined;
  since: Date;
  until?: Date | undefined;
  failedOnly: boolean;
  /** `next` of the call before. */
  after?: string | undefined;
}

export interface Replay {
  /** Deliveries that are on their way again. */
  replayed: number;
  /** Deliveries that were on their way anyhow, or have no endpoint any more. */
  left: number;
  /** Where to go on when there are more than one call replays; null when that was all. */
  next: string | null;
}

const PAGE = 200;
/** One call replays about so many; it is an answer that somebody waits for. */
const MOST = 2000;

/** What can be asked of deliveries: to be seen, and to be sent again as they were. */
export function createDeliveries({ deliveries, endpoints, courier, runner }: DeliveriesPorts) {
  /** Somebody else's delivery looks exactly like one that does not exist. */
  async function findDelivery(actor: Actor, id: string): Promise<Delivery> {
    requireReader(actor);
    const owner = actor.kind === 'admin' ? null : requireAccountId(actor, undefined);
    const delivery = await deliveries.get(id);
    const accountId = chargedAccount(delivery.owner);
    if (accountId === null || (owner !== null && accountId !== owner))
      throw new KilnError('NOT_FOUND', 'There is no such delivery.');
    return delivery;
  }

  /** Sends an ended delivery again: the same bytes under the same id. @returns null when it has not ended. */
  async function sendAgain(delivery: Delivery): Promise<Delivery | null> {
    if (delivery.state === 'pending') return null;
    const reopened = await deliveries.reopen(delivery);
    if (!reopened) return null;
    // Should this get lost, the sweeper finds a delivery that nobody has begun.
    await courier.take(reopened);
    return reopened;
  }

  async function canBeSent({ endpointId }: Delivery): Promise<boolean> {
    return endpointId === null || (await endpoints.find(endpointId))?.state === 'enabled';
  }

  return {
    findDelivery,

    /** One page, newest first unless only `after` is given. */
    async listDeliveries(actor: Actor, { accountId, ...query }: DeliveryQuery): Promise<DeliverySummary[]> {
      requireReader(actor);
      return deliveries.list({ ...query, owner: `account:${requireAccountId(actor, accountId)}` });
    },

    /** What it says; lists leave it out. */
    bodyOf: async ({ _id, body }: DeliverySummary & Partial<Delivery>): Promise<string> =>
      body ?? required(await deliveries.bodyOf(_id)).body,

    /** What was tried; lists leave it out. */
    attemptsOf: async ({ _id, attempts }: DeliverySummary & Partial<Delivery>): Promise<DeliveryAttempt[]> =>
      attempts ?? required(await deliveries.attemptsOf(_id)).attempts,

    /** One that has not ended makes its next attempt at once; nothing is ever sent twice at a time. */
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

    /** Every ended delivery since a moment, oldest first. */
    async replayDeliveries(actor: Actor, wish: ReplayWish): Promise<Replay> {
      const accountId = requireAccountId(requireManager(actor), wish.accountId);
      const { endpointId, since, until, failedOnly } = wish;
      // What comes while this runs is on its first way.
      const upToNow = new Date(Date.now() + 1);
      const filter = { owner: `account:${accountId}`, endpointId, since, until: until ?? upToNow };
      const page = { ...filter, ...(failedOnly && { state: 'failed' as const }), limit: PAGE };
      const known = new Map<string | null, Promise<boolean>>();
      const isPossible = (delivery: Delivery) => {
        const answer = known.get(delivery.endpointId) ?? canBeSent(delivery);
        known.set(delivery.endpointId, answer);
        return answer;
      };
      let [replayed, left] = [0, 0];
      for (let after = wish.after ?? '0'; ; ) {
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
        if (replayed + left >= MOST) return { replayed, left, next: after };
      }
    },
  };
}

/** Between a list and what it left out, a delivery may be swept. */
function required<T>(found: T | undefined): T {
  if (found !== undefined) return found;
  throw new KilnError('NOT_FOUND', 'There is no such delivery.');
}
