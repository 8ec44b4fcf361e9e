import type { NetworkError, WebhookProfile } from './webhook-profile.ts';

/** One POST and its answer. */
export interface DeliveryAttempt {
  /** From 1; a replay goes on counting. */
  number: number;
  at: Date;
  /** Milliseconds until the answer was read or given up. */
  durationMs: number;
  /** The HTTP status; null when no answer came. */
  status: number | null;
  /** Why no answer came; null when one did. */
  networkError: NetworkError | null;
  /** The few headers of the answer that are kept; null or absent when no answer came. */
  responseHeaders?: Readonly<Record<string, string>> | null;
  /** The first 4 KiB of the answer's body; null when no answer came. */
  responseHead: string | null;
}

/** `discarded`: the endpoint was deleted before the delivery got through. */
export type DeliveryState = 'pending' | 'delivered' | 'failed' | 'discarded';

/** Why a delivery waits although its time has come; waiting uses up no attempt. */
export type DeliveryHold = 'paused' | 'circuit' | 'busy';

/** What follows from an attempt, or from a decision not to make it yet. */
export type DeliveryOutcome =
  | { outcome: Exclude<DeliveryState, 'pending'>; answer: string }
  /** `held`: the attempt was not made, so the next one has the same number. */
  | { outcome: 'retry' | 'held'; answer: string; delayMs: number };

/** One message to one receiver. The body is built once: every attempt sends the same bytes. */
export interface Delivery {
  _id: string;
  owner: string;
  /** Null for a job's own callback, which has an address and a secret of its own. */
  endpointId: string | null;
  /** Null when it is not about a job. */
  jobId: string | null;
  /** The id of the job, batch, file or endpoint that it is about. */
  subjectId: string;
  profile: WebhookProfile;
  event: string;
  /** The callback's address, or the one that the endpoint had when the delivery was made. */
  url: string;
  /** The callback's secret; null without one, and for an endpoint, which keeps its own. */
  sealedSecret: string | null;
  body: string;
  state: DeliveryState;
  stateSince: Date;
  /** Why the next attempt was put off; null when it was not. */
  hold: DeliveryHold | null;
  attempts: DeliveryAttempt[];
  /** The number of the last attempt before the present round: a replay begins the schedule anew. */
  roundBase: number;
  /** Names the replay that began the present round; null in the first. */
  round: string | null;
  /** When the next attempt is due; null once it has ended, and before its first attempt. */
  nextAttemptAt: Date | null;
  /** Whether an attempt or a hold is recorded. Until then the repair round may have to start it. */
  begun: boolean;
  /** Sorts by creation; `_id` cannot, since it is derived from what the message is about. */
  order: string;
  createdAt: Date;
  updatedAt: Date;
}

/** A delivery without the fields that may be long. */
export type DeliverySummary = Omit<Delivery, 'body' | 'attempts' | 'sealedSecret'>;

/** Attempts that are kept. Only replays lead to more; the oldest are dropped. */
export const ATTEMPT_WINDOW = 100;
/** Bytes of an answer that are kept; few, since each write of a delivery writes all of it. */
const KEPT_BYTES = 4096;
const KEPT_HEADERS = ['content-type', 'location', 'retry-after', 'server', 'webhook-delivery'];
const LONGEST_HEADER = 200;

/** Returns the number of the next attempt, from 1. */
export function nextAttempt({ attempts }: Pick<Delivery, 'attempts'>): number {
  return (attempts.at(-1)?.number ?? 0) + 1;
}

/** Returns the part of an answer that is kept: a few headers, and the first 4 KiB of the body. */
export function keptAnswer(headers: Readonly<Record<string, string>>, body: string) {
  const kept = Object.entries(headers).filter(([name]) => KEPT_HEADERS.includes(name));
  const responseHeaders = Object.fromEntries(
    kept.map(([name, value]) => [name, value.slice(0, LONGEST_HEADER)]),
  );
  const bytes = new TextEncoder().encode(body);
  // A character that is cut in half becomes a replacement character.
  const responseHead =
    bytes.length > KEPT_BYTES ? new TextDecoder().decode(bytes.slice(0, KEPT_BYTES)) : body;
  return { responseHeaders, responseHead };
}
