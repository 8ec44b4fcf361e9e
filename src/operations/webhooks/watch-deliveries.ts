import { setTimeout as sleep } from 'node:timers/promises';
import type { Actor } from '../../domain/access/account.ts';
import type { Delivery } from '../../domain/webhooks/delivery.ts';
import {
  type DeliveryEvent,
  deliveryEvents,
  type Told,
  toldOf,
} from '../../domain/webhooks/delivery-event.ts';
import type { DeliveryFilter, DeliveryRepository } from '../../store/deliveries.ts';
import { requireAccountId } from '../access/accounts.ts';
import { requireReader } from './endpoints.ts';

export interface WatchDeliveriesPorts {
  deliveries: Pick<DeliveryRepository, 'getAll' | 'listChanged'>;
  pollMs?: number;
}

export interface DeliveryWatch {
  accountId?: string | undefined;
  endpointId?: string | undefined;
  /** Everything later than this is told first; null for those who only want what comes. */
  after: Date | null;
  signal?: AbortSignal | undefined;
}

const POLL_MS = 1000;
const PAGE = 500;
/** Writers stamp by clocks of their own, which may differ by this much, and a write may arrive after a later one. */
const SKEW_MS = 60_000;

/** Of one delivery: what was told, and at which change of it. */
type Known = Told & { updatedAt: number };

/**
 * Tells what happens to deliveries by looking at those that changed lately. Each attempt and each lasting state
 * comes at least once, in the order of its delivery; states that follow each other between two looks are
 * told as the last one of them.
 */
export function createWatchDeliveries({ deliveries, pollMs = POLL_MS }: WatchDeliveriesPorts) {
  /** Every delivery that changed at or after a moment, apart from those that are known as they are. */
  async function* changedSince(
    from: number,
    known: ReadonlyMap<string, Known>,
    whose: Pick<DeliveryFilter, 'owner' | 'endpointId'>,
  ): AsyncGenerator<Delivery> {
    for (let after = { updatedAt: new Date(from), order: '' }; ; ) {
      const marks = await deliveries.listChanged({ ...whose, after, limit: PAGE });
      const fresh = marks.filter(({ _id, updatedAt }) => known.get(_id)?.updatedAt !== updatedAt.getTime());
      const found = fresh.length > 0 ? await deliveries.getAll(fresh.map(({ _id }) => _id)) : [];
      const byId = new Map(found.map((delivery) => [delivery._id, delivery]));
      yield* fresh.flatMap(({ _id }) => byId.get(_id) ?? []);
      const last = marks.at(-1);
      if (!last || marks.length < PAGE) return;
      after = last;
    }
  }

  return async function* watchDeliveries(actor: Actor, watch: DeliveryWatch): AsyncGenerator<DeliveryEvent> {
    requireReader(actor);
    const owner = `account:${requireAccountId(actor, watch.accountId)}`;
    const { endpointId, signal, after = null } = watch;
    const known = new Map<string, Known>();
    // Whoever only wants what comes is told nothing of the first look, but by it what is news.
    let isSilent = after === null;
    const begin = new Date((after ?? new Date()).getTime() - SKEW_MS);
    for (let from = begin.getTime(); !signal?.aborted; ) {
      const next = Math.max(from, Date.now() - SKEW_MS);
      // Of what was forgotten since, all that is older than this was told.
      const unheard = new Date(Math.max(begin.getTime(), from - SKEW_MS));
      for await (const delivery of changedSince(from, known, { owner, endpointId })) {
        const news = isSilent ? [] : deliveryEvents(delivery, known.get(delivery._id), unheard);
        known.set(delivery._id, { ...toldOf(delivery), updatedAt: delivery.updatedAt.getTime() });
        yield* news;
        if (signal?.aborted) return;
      }
      isSilent = false;
      forget(known, from - SKEW_MS);
      from = next;
      await sleep(pollMs, undefined, { signal }).catch(() => {});
    }
  };
}

/** What is older than every look to come cannot be met again, unless it changes once more. */
function forget(known: Map<string, Known>, before: number): void {
  for (const [id, { updatedAt }] of known) if (updatedAt < before) known.delete(id);
}
