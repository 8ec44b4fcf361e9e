import { retryAfterSeconds } from '../../domain/webhooks/backoff.ts';
import { type Delivery, type DeliveryAttempt, keptAnswer } from '../../domain/webhooks/delivery.ts';
import { type Endpoint, liveSecrets } from '../../domain/webhooks/endpoint.ts';
import {
  type AttemptResult,
  type NetworkError,
  saysAbort,
  WEBHOOK_SCHEDULES,
  type WebhookProfile,
} from '../../domain/webhooks/webhook-profile.ts';
import type { Log } from '../../log.ts';

/** One attempt to sign. */
interface ToSign {
  profile: WebhookProfile;
  body: string;
  secret: string | undefined;
  previousSecret: string | undefined;
  deliveryId: string;
  event: string;
  subjectId: string;
  timestamp: Date;
}

interface ToPost {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: string;
  timeoutMs: number;
  signal?: AbortSignal;
}

type Answer =
  | { status: number; headers: Readonly<Record<string, string>>; body: string; durationMs: number }
  | { reason: NetworkError; durationMs: number };

export interface SendPorts {
  post(request: ToPost): Promise<Answer>;
  sign(webhook: ToSign): Record<string, string>;
  open(sealed: string, binding: { collection: string; id: string; field: string }): string;
  log: Pick<Log, 'warn'>;
}

export interface AttemptWish {
  attempt: number;
  /** How often this attempt has been put off already. */
  holds?: number;
  signal?: AbortSignal;
  /** Its endpoint as it was a moment ago; read now unless given. */
  endpoint?: Endpoint | null;
}

/** An attempt that was made, and what it came to. */
export interface Sent {
  made: DeliveryAttempt;
  result: AttemptResult;
}

/** One signed POST, whatever follows from it. */
export function createSend({ post, sign, open, log }: SendPorts) {
  /** What the headers are signed with; null when there is a secret that no master key opens any more. */
  function openSecrets(delivery: Delivery, endpoint: Endpoint | null, now: Date): string[] | null {
    try {
      return secretsOf(delivery, endpoint, now);
    } catch (error) {
      log.warn({ deliveryId: delivery._id, err: error }, 'the secret of a delivery cannot be opened');
      return null;
    }
  }

  /** A callback's secret is its job's; an endpoint signs with each of its live ones. */
  function secretsOf(delivery: Delivery, endpoint: Endpoint | null, now: Date): string[] {
    if (endpoint) {
      const binding = { collection: 'endpoints', id: endpoint._id, field: 'secret' };
      return liveSecrets(endpoint, now).map(({ sealed }) => open(sealed, binding));
    }
    if (delivery.sealedSecret === null) return [];
    const binding = { collection: 'jobs', id: delivery.jobId ?? '', field: 'callback.secret' };
    return [open(delivery.sealedSecret, binding)];
  }

  return async function send(
    delivery: Delivery,
    { attempt, signal }: AttemptWish,
    endpoint: Endpoint | null,
  ): Promise<Sent> {
    const at = new Date();
    const secrets = openSecrets(delivery, endpoint, at);
    // Unsigned, its receiver would have to take it for forged.
    if (!secrets) return unsigned(attempt, at);
    const [secret, previousSecret] = secrets;
    const { profile, body, event, subjectId } = delivery;
    const answer = await post({
      url: endpoint?.url ?? delivery.url,
      headers: sign({
        ...{ profile, body, event, subjectId, secret, previousSecret },
        deliveryId: delivery._id,
        timestamp: at,
      }),
      body,
      timeoutMs: WEBHOOK_SCHEDULES[profile].timeoutMs,
      ...(signal && { signal }),
    });
    const facts = { number: attempt, at, durationMs: answer.durationMs };
    if ('reason' in answer) {
      const networkError = answer.reason;
      const made = { ...facts, status: null, networkError, responseHeaders: null, responseHead: null };
      return { made, result: { networkError } };
    }
    const { status, headers } = answer;
    const made = { ...facts, status, networkError: null, ...keptAnswer(headers, answer.body) };
    const asked = { retryAfterSeconds: retryAfterSeconds(headers['retry-after'], at) };
    return { made, result: { status, ...asked, aborts: saysAbort(headers['webhook-delivery']) } };
  };
}

/** An attempt that could not even be made; no later one could. */
function unsigned(number: number, at: Date): Sent {
  const networkError = 'unsigned' as const;
  const made = {
    number,
    at,
    durationMs: 0,
    status: null,
    networkError,
    responseHeaders: null,
    responseHead: null,
  };
  return { made, result: { networkError } };
}
