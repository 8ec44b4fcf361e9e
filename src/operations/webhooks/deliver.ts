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
import { type AttemptRequest, type CallPorts, type CallResult, createCall } from './call-receiver.ts';
import type { EndpointHealth } from './endpoint-health.ts';

export interface DeliverPorts extends CallPorts {
  deliveries: Pick<DeliveryRepository, 'recordAttempt' | 'hold' | 'end'>;
  endpoints: Pick<EndpointRepository, 'find'>;
  jobs: Pick<JobRepository, 'get' | 'append'>;
  health: EndpointHealth;
  /** Runs `work` if the endpoint has a free slot, else returns null; `isGood` results get it more slots. */
  tryRun<T>(endpointId: string, work: () => Promise<T>, isGood: (result: T) => boolean): Promise<T | null>;
}

export type Deliver = ReturnType<typeof createDeliver>;

type Held = Extract<DeliveryOutcome, { delayMs: number }>;

/** A resumed endpoint wakes what waits for it; this is for the signal that was lost. */
const PAUSE_RECHECK_MS = 3_600_000;
/** Answers that take longer do not raise the endpoint's limit. */
const QUICK_MS = 2000;
const FIRST_BUSY_MS = 500;
const MAX_BUSY_MS = 60_000;
/** Random extra wait behind an open circuit, so that not all deliveries ask in the same instant. */
const SPREAD_MS = 2000;
const UNSIGNED = 'failed: the secret that signs it was sealed by a master key that is gone';

/** Builds `deliver`, which makes one attempt: prepare, call, record, then act on the verdict. */
export function createDeliver(ports: DeliverPorts) {
  const { deliveries, endpoints, health } = ports;
  const call = createCall(ports);
  const showOnJob = createShowOnJob(ports);

  /** Puts the attempt off by `delayMs` and records why. */
  async function hold({ _id }: Delivery, reason: DeliveryHold, delayMs: number): Promise<Held> {
    await deliveries.hold(_id, reason, new Date(Date.now() + delayMs));
    return { outcome: 'held', answer: reason, delayMs };
  }

  /** Ends the delivery without an attempt. */
  async function end(
    { _id }: Delivery,
    outcome: 'failed' | 'discarded',
    answer: string,
  ): Promise<DeliveryOutcome> {
    await deliveries.end(_id, outcome);
    return { outcome, answer };
  }

  /**
   * Returns the endpoint if it may be called now. Otherwise ends the delivery (endpoint deleted or disabled)
   * or puts it off (paused, circuit open) and returns that outcome.
   */
  async function prepare(
    delivery: Delivery,
    request: AttemptRequest,
  ): Promise<{ endpoint: Endpoint } | DeliveryOutcome> {
    const { endpoint = await endpoints.find(delivery.endpointId ?? '') } = request;
    if (!endpoint) return end(delivery, 'discarded', 'the endpoint was deleted');
    if (endpoint.state === 'disabled') return end(delivery, 'failed', 'the endpoint is disabled');
    if (endpoint.state === 'paused') return hold(delivery, 'paused', PAUSE_RECHECK_MS);
    const decision = await health.allowRequest(endpoint, delivery._id);
    if (decision.allowed) return { endpoint };
    return hold(delivery, 'circuit', decision.waitMs + Math.random() * SPREAD_MS);
  }

  /** Attempts a delivery to an endpoint; puts it off as `busy` when the endpoint has no free slot. */
  async function attemptOnEndpoint(delivery: Delivery, request: AttemptRequest): Promise<DeliveryOutcome> {
    const prepared = await prepare(delivery, request);
    if (!('endpoint' in prepared)) return prepared;
    const { endpoint } = prepared;
    const called = await ports.tryRun(endpoint._id, () => call(delivery, request, endpoint), isQuick);
    if (!called) return hold(delivery, 'busy', busyMs(request.holds ?? 0));
    return handleResult(delivery, called, endpoint);
  }

  /** Judges an attempt by the profile's schedule, records it and acts on the verdict. */
  async function handleResult(
    delivery: Delivery,
    { made, result }: CallResult,
    endpoint: Endpoint | null,
  ): Promise<DeliveryOutcome> {
    const inRound = made.number - delivery.roundBase;
    const verdict = judgeAttempt(delivery.profile, inRound, result, Math.random());
    await deliveries.recordAttempt(delivery._id, made, effectOf(verdict));
    if (endpoint) await health.handleVerdict(endpoint, delivery._id, verdict);
    else await showOnJob(delivery, made.number, { ...made, status: effectOf(verdict).state });
    return outcomeOf(made, verdict);
  }

  /**
   * Finishes an attempt that is on record: the process died, or lost the database, after the receiver had
   * answered. The receiver is not called again.
   */
  async function finishRecorded(delivery: Delivery, made: DeliveryAttempt): Promise<DeliveryOutcome> {
    const { state, nextAttemptAt, endpointId } = delivery;
    const answer = answerOf(made);
    if (endpointId === null) await showOnJob(delivery, made.number, { ...made, status: state });
    else if (made.status === 410) await health.handleGone(endpointId);
    if (state !== 'pending') return { outcome: state, answer };
    const delayMs = Math.max(1, (nextAttemptAt?.getTime() ?? 0) - Date.now());
    return { outcome: 'retry', answer, delayMs };
  }

  /** Makes the requested attempt once, however often it is called, and returns what follows from it. */
  return async function deliver(delivery: Delivery, request: AttemptRequest): Promise<DeliveryOutcome> {
    const recorded = delivery.attempts.find(({ number }) => number === request.attempt);
    if (recorded) return finishRecorded(delivery, recorded);
    if (delivery.state !== 'pending') return { outcome: delivery.state, answer: 'it has ended' };
    if (delivery.endpointId !== null) return attemptOnEndpoint(delivery, request);
    return handleResult(delivery, await call(delivery, request, null), null);
  };
}

/** Builds what shows the state of a callback on its job, with an event of the job for each attempt. */
function createShowOnJob({ jobs }: Pick<DeliverPorts, 'jobs'>) {
  return async function showOnJob(
    { jobId }: Delivery,
    attempts: number,
    { status, networkError }: { status: DeliveryState; networkError: DeliveryAttempt['networkError'] },
  ): Promise<void> {
    const { callback } = await jobs.get(jobId ?? '');
    if (!callback || status === 'discarded') return;
    const ended = networkError === 'unsigned' ? UNSIGNED : status;
    const message = status === 'pending' ? `attempt ${attempts} failed` : ended;
    await jobs.append(
      jobId ?? '',
      { type: 'callback', cause: `callback:${attempts}`, message },
      // Not the callback as it was read: its secret may have been sealed anew meanwhile.
      { 'callback.attempts': attempts, 'callback.status': status },
    );
  };
}

/** Returns what the verdict makes of the delivery's state and schedule. */
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

/** Whether an answer raises the endpoint's limit: it came within two seconds and is no server error. */
function isQuick({ made: { status, durationMs } }: CallResult): boolean {
  return status !== null && status < 500 && durationMs < QUICK_MS;
}

/** Returns the wait for a free slot: 0.5 to 1 times 500 ms, doubled with each hold, at most a minute. */
function busyMs(holds: number): number {
  const most = Math.min(FIRST_BUSY_MS * 2 ** Math.min(holds, 10), MAX_BUSY_MS);
  return Math.round(most * (0.5 + Math.random() / 2));
}
