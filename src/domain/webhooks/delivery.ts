import type { NetworkError, WebhookProfile } from './webhook-profile.ts';

export interface DeliveryAttempt {
  /** From 1; a replay goes on counting. */
  number: number;
  at: Date;
  /** Milliseconds until the answer was read or given up. */
  durationMs: number;
  /** Null when no answer came. */
  status: number | null;
  /** Why no answer came. */
  networkError: NetworkError | null;
  /** Those headers of the answer that mattered, or may explain it. */
  responseHeaders?: Readonly<Record<string, string>> | null;
  /** The first bytes of the answer's body. */
  responseHead: string | null;
}

/** `discarded` when its endpoint was deleted before it got through. */
export type DeliveryState = 'pending' | 'delivered' | 'failed' | 'discarded';

/** Why a delivery waits although its time has come; waiting uses up no attempt. */
export type DeliveryHold = 'paused' | 'circuit' | 'busy';

/** What becomes of a delivery when its turn has come. */
export type DeliveryOutcome =
  | { outcome: Exclude<DeliveryState, 'pending'>; answer: string }
  /** `held` keeps the number of the attempt: it has not been made. */
  | { outcome: 'retry' | 'held'; answer: string; delayMs: number };

/** One signed message to one receiver: the body is built once, every attempt sends these bytes. */
export interface Delivery {
  _id: string;
  owner: string;
  /** Null for a job's own callback, which has an address and a secret of its own. */
  endpointId: string | null;
  /** Null when it is not about a job. */
  jobId: string | null;
  /** The job, batch, file or endpoint that it is about. */
  subjectId: string;
  profile: WebhookProfile;
  event: string;
  /** Where it goes; of an endpoint, the address that it had at the time. */
  url: string;
  sealedSecret: string | null;
  body: string;
  state: DeliveryState;
  stateSince: Date;
  hold: DeliveryHold | null;
  attempts: DeliveryAttempt[];
  /** The number of the last attempt before the present round, since a replay begins the schedule anew. */
  roundBase: number;
  /** Names the replay that began the present round; null in the first. */
  round: string | null;
  /** Null once it has ended, and before its first attempt. */
  nextAttemptAt: Date | null;
  /** Whether somebody has taken it up: until then nothing but this document knows of it. */
  begun: boolean;
  /** Sorts by creation; `_id` cannot, since it is derived from what the message is about. */
  order: string;
  createdAt: Date;
  updatedAt: Date;
}

/** A delivery without what may be long. */
export type DeliverySummary = Omit<Delivery, 'body' | 'attempts' | 'sealedSecret'>;

/** More attempts than this are only made by replays; the older ones are forgotten. */
export const ATTEMPT_WINDOW = 100;
/** How much of an answer is kept: deliveries are many, and each write of one writes all of it. */
const KEPT_BYTES = 4096;
const KEPT_HEADERS = ['content-type', 'location', 'retry-after', 'server', 'webhook-delivery'];
const LONGEST_HEADER = 200;

/** The number of the attempt that comes next. */
export function nextAttempt({ attempts }: Pick<Delivery, 'attempts'>): number {
  return (attempts.at(-1)?.number ?? 0) + 1;
}

/** The part of an answer that is kept. */
export function keptAnswer(headers: Readonly<Record<string, string>>, body: string) {
  const kept = Object.entries(headers).filter(([name]) => KEPT_HEADERS.includes(name));
  const responseHeaders = Object.fromEntries(
    kept.map(([name, value]) => [name, value.slice(0, LONGEST_HEADER)]),
  );
  const bytes = new TextEncoder().encode(body);
  // A character that is cut in half becomes a replacement character, which says as much.
  const responseHead =
    bytes.length > KEPT_BYTES ? new TextDecoder().decode(bytes.slice(0, KEPT_BYTES)) : body;
  return { responseHeaders, responseHead };
}
