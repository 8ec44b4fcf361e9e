import type { Delivery, DeliveryAttempt, DeliveryState } from './delivery.ts';

/** Something that happened to a delivery. */
export interface DeliveryEvent {
  /** The same whenever it is told, so that a reader can drop a repeat. */
  eventId: string;
  at: Date;
  delivery: Delivery;
  /** Null when the delivery moved to another state. */
  attempt: DeliveryAttempt | null;
}

/** What a reader has been told of one delivery. */
export interface Told {
  attempt: number;
  state: DeliveryState;
  stateSince: number;
}

/** What a reader does not know yet, oldest first; of a delivery that is new to them, what came after `after`. */
export function deliveryEvents(delivery: Delivery, told: Told | undefined, after: Date): DeliveryEvent[] {
  const { _id, attempts, state, stateSince } = delivery;
  const made = attempts
    .map((attempt) => ({ attempt, at: new Date(attempt.at.getTime() + attempt.durationMs) }))
    .filter(({ attempt, at }) => (told ? attempt.number > told.attempt : at > after))
    .map(({ attempt, at }) => ({ eventId: `${_id}:attempt:${attempt.number}`, at, delivery, attempt }));
  const since = stateSince.getTime();
  const isNews = told ? told.state !== state || told.stateSince !== since : stateSince > after;
  if (!isNews) return made;
  const moved = { eventId: `${_id}:${state}:${since}`, at: stateSince, delivery, attempt: null };
  // A delivery begins before its first attempt and ends after its last one.
  return state === 'pending' ? [moved, ...made] : [...made, moved];
}

/** What a reader knows once they have been told all of it. */
export function toldOf({ attempts, state, stateSince }: Delivery): Told {
  return { attempt: attempts.at(-1)?.number ?? 0, state, stateSince: stateSince.getTime() };
}
