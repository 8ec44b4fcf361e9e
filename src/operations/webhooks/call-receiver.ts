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

/** One attempt to sign; without a secret there is no signature. */
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

export interface CallPorts {
  /** Sends one POST; whatever the network does is a result. */
  post(request: ToPost): Promise<Answer>;
  /** Returns the headers, signatures included. */
  sign(webhook: ToSign): Record<string, string>;
  /** Returns a secret in plain text. @throws when no master key opens it. */
  open(sealed: string, binding: { collection: string; id: string; field: string }): string;
  log: Pick<Log, 'warn'>;
}

/** Which attempt of a delivery to make. */
export interface AttemptRequest {
  /** From 1; a replay goes on counting. */
  attempt: number;
  /** How often this attempt has been put off already; 0 unless given. */
  holds?: number;
  signal?: AbortSignal;
  /** The endpoint as it was a moment ago, null if it was deleted; read now unless given. */
  endpoint?: Endpoint | null;
}

/** An attempt that was made, as it is recorded and as it is judged. */
export interface CallResult {
  made: DeliveryAttempt;
  result: AttemptResult;
}

/** Builds `call`, which signs and sends one attempt. It stores nothing. */
export function createCall({ post, sign, open, log }: CallPorts) {
  /** Returns the secrets that sign, the present one first; null when no master key opens one of them. */
  function openSecrets(delivery: Delivery, endpoint: Endpoint | null, now: Date): string[] | null {
    try {
      return secretsOf(delivery, endpoint, now);
    } catch (error) {
      log.warn({ deliveryId: delivery._id, err: error }, 'the secret of a delivery cannot be opened');
      return null;
    }
  }

  /** Returns each live secret of the endpoint, or the secret of the job's callback, which may have none. */
  function secretsOf(delivery: Delivery, endpoint: Endpoint | null, now: Date): string[] {
    if (endpoint) {
      const binding = { collection: 'endpoints', id: endpoint._id, field: 'secret' };
      return liveSecrets(endpoint, now).map(({ sealed }) => open(sealed, binding));
    }
    if (delivery.sealedSecret === null) return [];
    const binding = { collection: 'jobs', id: delivery.jobId ?? '', field: 'callback.secret' };
    return [open(delivery.sealedSecret, binding)];
  }

  /**
   * Sends one signed POST and returns the attempt with its answer or network error. `endpoint` is null for a
   * job's own callback. Sends nothing, with the network error `unsigned`, when a secret cannot be opened.
   * @throws KilnError CANCELLED when the signal aborts.
   */
  return async function call(
    delivery: Delivery,
    { attempt, signal }: AttemptRequest,
    endpoint: Endpoint | null,
  ): Promise<CallResult> {
    const at = new Date();
    const secrets = openSecrets(delivery, endpoint, at);
    // The receiver would have to take an unsigned message for forged.
    if (!secrets) return unsigned(attempt, at);
    const [secret, previousSecret] = secrets;
    const { profile, body, event, subjectId } = delivery;
    const answer = await post({
      url: endpoint?.url ?? delivery.url,
      headers: sign({
        profile,
        body,
        event,
        subjectId,
        secret,
        previousSecret,
        deliveryId: delivery._id,
        timestamp: at,
      }),
      body,
      timeoutMs: WEBHOOK_SCHEDULES[profile].timeoutMs,
      ...(signal && { signal }),
    });
    const timing = { number: attempt, at, durationMs: answer.durationMs };
    if ('reason' in answer) {
      const networkError = answer.reason;
      const made = { ...timing, status: null, networkError, responseHeaders: null, responseHead: null };
      return { made, result: { networkError } };
    }
    const { status, headers } = answer;
    const made = { ...timing, status, networkError: null, ...keptAnswer(headers, answer.body) };
    const wait = { retryAfterSeconds: retryAfterSeconds(headers['retry-after'], at) };
    return { made, result: { status, ...wait, aborts: saysAbort(headers['webhook-delivery']) } };
  };
}

/** Returns an attempt that could not be signed and was not sent; no later one could be either. */
function unsigned(number: number, at: Date): CallResult {
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
