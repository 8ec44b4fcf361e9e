import { setTimeout as sleep } from 'node:timers/promises';
import type { Actor } from '../../domain/access/account.ts';
import { ownerKey } from '../../domain/jobs/job.ts';
import type { Delivery } from '../../domain/webhooks/delivery.ts';
import {
  type DeliveryEvent,
  deliveryEvents,
  type Seen,
  seenOf,
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
  /** Events after this moment come first; null for new events only. */
  after: Date | null;
  signal?: AbortSignal | undefined;
}

const POLL_MS = 1000;
const PAGE = 500;
/** How far the clocks of writers may differ; a write may also arrive after a later one. */
const SKEW_MS = 60_000;

/** What the watcher has seen of one delivery, and at which change of it. */
type Known = Seen & { updatedAt: number };

/**
 * Builds `watchDeliveries`, which polls for deliveries that changed. Each attempt and each lasting state comes
 * at least once, in the order of its delivery; of states that follow each other between two polls, the last.
 */
export function createWatchDeliveries({ deliveries, pollMs = POLL_MS }: WatchDeliveriesPorts) {
  /**
   * Yields every delivery that changed at or after `from` (epoch ms), except those that are known as they
   * are.
   */
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

  /** Yields events until the signal aborts. @throws KilnError unless the actor may read the account. */
  return async function* watchDeliveries(actor: Actor, watch: DeliveryWatch): AsyncGenerator<DeliveryEvent> {
    requireReader(actor);
    const owner = ownerKey({ accountId: requireAccountId(actor, watch.accountId) });
    const { endpointId, signal, after = null } = watch;
    const known = new Map<string, Known>();
    // The first poll of a watcher who wants new events only yields nothing: it says what is not new.
    let isSilent = after === null;
    const begin = new Date((after ?? new Date()).getTime() - SKEW_MS);
    for (let from = begin.getTime(); !signal?.aborted; ) {
      const next = Math.max(from, Date.now() - SKEW_MS);
      // Whatever was forgotten since and is older than this has been yielded.
      const unseenSince = new Date(Math.max(begin.getTime(), from - SKEW_MS));
      for await (const delivery of changedSince(from, known, { owner, endpointId })) {
        const events = isSilent ? [] : deliveryEvents(delivery, known.get(delivery._id), unseenSince);
        known.set(delivery._id, { ...seenOf(delivery), updatedAt: delivery.updatedAt.getTime() });
        yield* events;
        if (signal?.aborted) return;
      }
      isSilent = false;
      forget(known, from - SKEW_MS);
      from = next;
      await sleep(pollMs, undefined, { signal }).catch(() => {});
    }
  };
}

/**
 * Forgets deliveries that are older than every poll to come: none finds them unless they change once more.
 */
function forget(known: Map<string, Known>, before: number): void {
  for (const [id, { updatedAt }] of known) if (updatedAt < before) known.delete(id);
}
