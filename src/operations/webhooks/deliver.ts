import type {
  Delivery,
  DeliveryAttempt,
  DeliveryHold,
  DeliveryOutcome,
  DeliveryState,
} from '../../domain/webhooks/delivery.ts';
import type { Endpoint } from '../../domain/webhooks/endpoint.ts';
import { type AttemptVerdict, judgeAttempt } from '../../domain/webhooks/webhook-profile.ts';
import type { DeliveryRepository } from '../../store/deliveries.ts';
import type { EndpointRepository } from '../../store/endpoints.ts';
import type { JobRepository } from '../../store/jobs.ts';
import type { EndpointHealth } from './endpoint-health.ts';
import { type AttemptWish, createSend, type SendPorts, type Sent } from './send-delivery.ts';

export interface DeliverPorts extends SendPorts {
  deliveries: Pick<DeliveryRepository, 'recordAttempt' | 'hold' | 'end'>;
  endpoints: Pick<EndpointRepository, 'find'>;
  jobs: Pick<JobRepository, 'get' | 'append'>;
  health: EndpointHealth;
  /** Null, without having begun, when the receiver has all that it can take. */
  within<T>(receiver: string, work: () => Promise<T>, isGood: (result: T) => boolean): Promise<T | null>;
}

export type Deliver = ReturnType<typeof createDeliver>;

/** A paused endpoint wakes what waits for it; this is for the signal that was lost. */
const PAUSE_LOOK_MS = 3_600_000;
/** Answers that take longer count as slow. */
const QUICK_MS = 2000;
const BUSY_MS = 500;
const LONGEST_BUSY_MS = 60_000;
/** Those who wait for the same moment come one after the other. */
const SPREAD_MS = 2000;
const UNSIGNED = 'failed: the secret that signs it was sealed by a master key that is gone';

/** One signed POST; what came back is kept, and the profile says what follows. */
export function createDeliver(ports: DeliverPorts) {
  const { deliveries, endpoints, health } = ports;
  const send = createSend(ports);
  const showOnJob = createShowOnJob(ports);

  async function hold(
    { _id }: Delivery,
    reason: DeliveryHold,
    delayMs: number,
  ): Promise<Extract<DeliveryOutcome, { delayMs: number }>> {
    await deliveries.hold(_id, reason, new Date(Date.now() + delayMs));
    return { outcome: 'held', answer: reason, delayMs };
  }

  async function end(
    { _id }: Delivery,
    outcome: 'failed' | 'discarded',
    answer: string,
  ): Promise<DeliveryOutcome> {
    await deliveries.end(_id, outcome);
    return { outcome, answer };
  }

  /** A job's own callback is sent whenever its time has come; an endpoint has a say in it. */
  async function attemptOnEndpoint(delivery: Delivery, wish: AttemptWish): Promise<DeliveryOutcome> {
    const { endpoint = await endpoints.find(delivery.endpointId ?? '') } = wish;
    if (!endpoint) return end(delivery, 'discarded', 'the endpoint was deleted');
    if (endpoint.state === 'disabled') return end(delivery, 'failed', 'the endpoint is disabled');
    if (endpoint.state === 'paused') return hold(delivery, 'paused', PAUSE_LOOK_MS);
    const admission = await health.admit(endpoint, delivery._id);
    if (!admission.may) return hold(delivery, 'circuit', admission.waitMs + Math.random() * SPREAD_MS);
    const sent = await ports.within(endpoint._id, () => send(delivery, wish, endpoint), isQuick);
    return sent ? settle(delivery, sent, endpoint) : hold(delivery, 'busy', busyMs(wish.holds ?? 0));
  }

  async function settle(delivery: Delivery, sent: Sent, endpoint: Endpoint | null): Promise<DeliveryOutcome> {
    const { made, result } = sent;
    const inRound = made.number - delivery.roundBase;
    const verdict = judgeAttempt(delivery.profile, inRound, result, Math.random());
    await deliveries.recordAttempt(delivery._id, made, effectOf(verdict));
    await tell(delivery, made, verdict, endpoint);
    return outcomeOf(made, verdict);
  }

  async function tell(
    delivery: Delivery,
    made: DeliveryAttempt,
    verdict: AttemptVerdict,
    endpoint: Endpoint | null,
  ): Promise<void> {
    if (endpoint) await health.note(endpoint, delivery._id, verdict);
    else await showOnJob(delivery, made.number, { ...made, status: effectOf(verdict).state });
  }

  /** Known already when the database went away after the receiver had answered: it is not asked twice. */
  async function repeat(delivery: Delivery, made: DeliveryAttempt): Promise<DeliveryOutcome> {
    const { state, nextAttemptAt, endpointId } = delivery;
    const answer = answerOf(made);
    if (endpointId === null) await showOnJob(delivery, made.number, { ...made, status: state });
    else if (made.status === 410) await health.noteGone(endpointId);
    if (state !== 'pending') return { outcome: state, answer };
    const delayMs = Math.max(1, (nextAttemptAt?.getTime() ?? 0) - Date.now());
    return { outcome: 'retry', answer, delayMs };
  }

  return async function deliver(delivery: Delivery, wish: AttemptWish): Promise<DeliveryOutcome> {
    const known = delivery.attempts.find(({ number }) => number === wish.attempt);
    if (known) return repeat(delivery, known);
    if (delivery.state !== 'pending') return { outcome: delivery.state, answer: 'it has ended' };
    if (delivery.endpointId !== null) return attemptOnEndpoint(delivery, wish);
    return settle(delivery, await send(delivery, wish, null), null);
  };
}

function createShowOnJob({ jobs }: Pick<DeliverPorts, 'jobs'>) {
  return async function showOnJob(
    { jobId }: Delivery,
    attempts: number,
    { status, networkError }: { status: DeliveryState; networkError: DeliveryAttempt['networkError'] },
  ): Promise<void> {
    const { callback } = await jobs.get(jobId ?? '');
    if (!callback || status === 'discarded') return;
    const told = networkError === 'unsigned' ? UNSIGNED : status;
    const message = status === 'pending' ? `attempt ${attempts} failed` : told;
    await jobs.append(
      jobId ?? '',
      { type: 'callback', cause: `callback:${attempts}`, message },
      // Not the callback as it was read: its secret may have been sealed anew meanwhile.
      { 'callback.attempts': attempts, 'callback.status': status },
    );
  };
}

function effectOf(verdict: AttemptVerdict): { state: DeliveryState; nextAttemptAt: Date | null } {
  if (verdict.outcome !== 'retry') return { state: verdict.outcome, nextAttemptAt: null };
  return { state: 'pending', nextAttemptAt: new Date(Date.now() + verdict.delayMs) };
}

function outcomeOf(made: DeliveryAttempt, verdict: AttemptVerdict): DeliveryOutcome {
  const answer = answerOf(made);
  if (verdict.outcome === 'retry') return { outcome: 'retry', answer, delayMs: verdict.delayMs };
  return { outcome: verdict.outcome, answer };
}

function answerOf({ networkError, status }: DeliveryAttempt): string {
  return networkError ?? String(status);
}

/** What a receiver must do to be given more at a time. */
function isQuick({ made: { status, durationMs } }: Sent): boolean {
  return status !== null && status < 500 && durationMs < QUICK_MS;
}

/** The longer a receiver has more than it can take, the less often it is looked at. */
function busyMs(holds: number): number {
  const most = Math.min(BUSY_MS * 2 ** Math.min(holds, 10), LONGEST_BUSY_MS);
  return Math.round(most * (0.5 + Math.random() / 2));
}
