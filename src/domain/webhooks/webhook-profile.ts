import { type Dialect, OWN_WEBHOOKS, type OwnWebhookDialect } from '../dialect.ts';
import type { WebhookSchedule } from './webhook-style.ts';

/** How a delivery behaves, as stored: by Standard Webhooks, or as the dialect of its job has it. */
export type WebhookProfile = 'standard' | OwnWebhookDialect;

/** Why no answer came; the whole vocabulary, so that it may be shown and stored as it is. */
export type NetworkError =
  | 'blocked'
  | 'dns'
  | 'refused'
  | 'unreachable'
  | 'reset'
  | 'timeout'
  | 'tls'
  | 'too_large'
  | 'protocol'
  /** Nothing was sent: the secret that signs cannot be opened. */
  | 'unsigned';

/** What one attempt came to: an answer, or the reason why there was none. */
export type AttemptResult =
  | { status: number; retryAfterSeconds?: number | undefined; aborts?: boolean }
  | { networkError: NetworkError };

/** What follows from an attempt. `gone` asks to disable the endpoint as well. */
export type AttemptVerdict =
  | { outcome: 'delivered' }
  | { outcome: 'retry'; delayMs: number }
  | { outcome: 'failed'; reason: 'exhausted' | 'gone' | 'aborted' | 'unsigned' };

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** A receiver may slow us down, but not park a delivery beyond the schedule's own longest wait. */
const LONGEST_RETRY_AFTER_MS = 24 * HOUR;

const STANDARD: WebhookSchedule = {
  delaysMs: [
    0,
    5 * SECOND,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
  ],
  timeoutMs: 15 * SECOND,
  jitterShare: 0.1,
  honoursRetryAfter: true,
  goneDisables: true,
  honoursAbort: true,
};

/** The schedule of each profile. */
export const WEBHOOK_SCHEDULES: Readonly<Record<WebhookProfile, WebhookSchedule>> = {
  standard: STANDARD,
  ...(Object.fromEntries(
    Object.entries(OWN_WEBHOOKS).map(([dialect, { schedule }]) => [dialect, schedule]),
  ) as Record<OwnWebhookDialect, WebhookSchedule>),
};

/** The profile of the callbacks of a dialect's jobs. */
export function webhookProfileOf(dialect: Dialect): WebhookProfile {
  return Object.hasOwn(OWN_WEBHOOKS, dialect) ? (dialect as OwnWebhookDialect) : 'standard';
}

/** Whether an answer says, as Svix's receivers do, that this message need not come again. */
export function saysAbort(header: string | undefined): boolean {
  return ['abort', 'abort-message'].includes(header?.trim().toLowerCase() ?? '');
}

/**
 * Judges attempt `attempt` (the first is 1). `jitter` is a random number from 0 to 1: it comes
 * from outside so that the same attempt is always judged alike.
 */
export function judgeAttempt(
  profile: WebhookProfile,
  attempt: number,
  result: AttemptResult,
  jitter: number,
): AttemptVerdict {
  const schedule = WEBHOOK_SCHEDULES[profile];
  if ('status' in result) {
    if (result.status >= 200 && result.status < 300) return { outcome: 'delivered' };
    if (result.status === 410 && schedule.goneDisables) return { outcome: 'failed', reason: 'gone' };
    if (result.aborts && schedule.honoursAbort) return { outcome: 'failed', reason: 'aborted' };
  }
  if ('networkError' in result && result.networkError === 'unsigned')
    return { outcome: 'failed', reason: 'unsigned' };
  const delayMs = schedule.delaysMs[attempt];
  if (delayMs === undefined) return { outcome: 'failed', reason: 'exhausted' };
  const spread = 1 + schedule.jitterShare * (2 * jitter - 1);
  const askedMs = schedule.honoursRetryAfter ? retryAfterMs(result) : 0;
  return { outcome: 'retry', delayMs: Math.max(Math.round(delayMs * spread), askedMs) };
}

function retryAfterMs(result: AttemptResult): number {
  if (!('status' in result) || result.retryAfterSeconds === undefined) return 0;
  return Math.min(result.retryAfterSeconds * SECOND, LONGEST_RETRY_AFTER_MS);
}
