import type { Delivery, DeliveryAttempt, DeliveryState } from './delivery.ts';

/** Something that happened to a delivery. */
export interface DeliveryEvent {
  /** The same in every repeat of the event, so that a reader can drop it. */
  eventId: string;
  at: Date;
  delivery: Delivery;
  /** Null when the delivery moved to another state. */
  attempt: DeliveryAttempt | null;
}

/** What a reader has seen of one delivery. */
export interface Seen {
  /** The number of the latest attempt; 0 before the first. */
  attempt: number;
  state: DeliveryState;
  /** Epoch milliseconds. */
  stateSince: number;
}

/**
 * Returns the events of a delivery that a reader has not seen, oldest first. If they have seen nothing of it
 * (`seen` undefined), those after `after`.
 */
export function deliveryEvents(delivery: Delivery, seen: Seen | undefined, after: Date): DeliveryEvent[] {
  const { _id, attempts, state, stateSince } = delivery;
  const made = attempts
    .map((attempt) => ({ attempt, at: new Date(attempt.at.getTime() + attempt.durationMs) }))
    .filter(({ attempt, at }) => (seen ? attempt.number > seen.attempt : at > after))
    .map(({ attempt, at }) => ({ eventId: `${_id}:attempt:${attempt.number}`, at, delivery, attempt }));
  const since = stateSince.getTime();
  const hasMoved = seen ? seen.state !== state || seen.stateSince !== since : stateSince > after;
  if (!hasMoved) return made;
  const moved = { eventId: `${_id}:${state}:${since}`, at: stateSince, delivery, attempt: null };
  // A delivery begins before its first attempt and ends after its last one.
  return state === 'pending' ? [moved, ...made] : [...made, moved];
}

/** Returns what a reader has seen once they had all events of the delivery. */
export function seenOf({ attempts, state, stateSince }: Delivery): Seen {
  return { attempt: attempts.at(-1)?.number ?? 0, state, stateSince: stateSince.getTime() };
}
