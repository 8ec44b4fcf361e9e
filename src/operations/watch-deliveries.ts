import { setTimeout as sleep } from 'node:timers/promises';
import type { Actor } from '../domain/account.ts';
import { type DeliveryEvent, deliveryEvents, type Told, toldOf } from '../domain/delivery-event.ts';
import type { DeliveryRepository } from '../store/deliveries.ts';
import { requireAccountId } from './accounts.ts';
import { requireReader } from './endpoints.ts';

export interface WatchDeliveriesPorts {
  deliveries: Pick<DeliveryRepository, 'listChanged'>;
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
/** Writers stamp by clocks of their own, and a write may arrive after a later one. */
const OVERLAP_MS = 5000;

/**
 * Tells what happens to deliveries by looking at those that changed. Each attempt and each lasting state
 * comes at least once, in the order of its delivery; states that follow each other between two looks are
 * told as the last one of them.
 */
export function createWatchDeliveries({ deliveries, pollMs = POLL_MS }: WatchDeliveriesPorts) {
  return async function* watchDeliveries(actor: Actor, watch: DeliveryWatch): AsyncGenerator<DeliveryEvent> {
    requireReader(actor);
    const owner = `account:${requireAccountId(actor, watch.accountId)}`;
    const { endpointId, signal, after = null } = watch;
    const begin = after ?? new Date();
    const told = new Map<string, Told & { updatedAt: number }>();
    for (let from = begin; !signal?.aborted; ) {
      const changed = await deliveries.listChanged({ owner, endpointId, from, limit: PAGE });
      for (const delivery of changed) {
        const news = deliveryEvents(delivery, told.get(delivery._id), begin);
        told.set(delivery._id, { ...toldOf(delivery), updatedAt: delivery.updatedAt.getTime() });
        yield* news;
      }
      const newest = changed.at(-1)?.updatedAt.getTime() ?? from.getTime();
      const isFull = changed.length === PAGE;
      // A full page is followed by what comes after it; only the end of the list may still change.
      const next = isFull ? Math.max(newest, from.getTime() + 1) : newest - OVERLAP_MS;
      from = new Date(Math.max(next, begin.getTime()));
      forget(told, newest - 2 * OVERLAP_MS);
      if (!isFull) await sleep(pollMs, undefined, { signal }).catch(() => {});
    }
  };
}

/** What is older than every look to come cannot be met again. */
function forget(told: Map<string, Told & { updatedAt: number }>, before: number): void {
  for (const [id, { updatedAt }] of told) if (updatedAt < before) told.delete(id);
}
