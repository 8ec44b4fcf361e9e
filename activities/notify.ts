import { Context } from '@temporalio/activity';
import { v5 as uuidv5 } from 'uuid';
import type { Capabilities } from '../src/app.ts';
import { retryAfterSeconds } from '../src/domain/backoff.ts';
import { swapmyfileCallback } from '../src/domain/callback-payload.ts';
import type { Delivery, DeliveryAttempt } from '../src/domain/delivery.ts';
import { ConversionError } from '../src/domain/errors.ts';
import { type AttemptResult, judgeAttempt, WEBHOOK_SCHEDULES } from '../src/domain/webhook-profile.ts';

export type DeliveryOutcome =
  | { outcome: 'delivered' | 'failed'; answer: string }
  | { outcome: 'retry'; answer: string; delayMs: number };

const UNSIGNED = 'failed: the secret that signs it was sealed by a master key that is gone';

/** Builds the message once; every attempt will send these very bytes. */
export function createPrepareCallback({ jobs, deliveries, links }: Capabilities) {
  return async function prepareCallback({
    jobId,
  }: {
    jobId: string;
  }): Promise<{ deliveryId: string; event: string; url: string }> {
    const job = await jobs.get(jobId);
    if (!job.callback) throw new ConversionError('NOT_FOUND', 'The job has no callback.');
    const [output] = job.outputs;
    const { event, body } = swapmyfileCallback({
      job,
      downloadPath: output ? links.downloadPath(output) : null,
      deliveredAt: new Date(),
    });
    const deliveryId = uuidv5('callback', jobId);
    await deliveries.insertIfAbsent({
      _id: deliveryId,
      owner: job.owner,
      jobId,
      profile: 'swapmyfile',
      event,
      url: job.callback.url,
      sealedSecret: job.callback.sealedSecret,
      body,
      state: 'pending',
      attempts: [],
      createdAt: new Date(),
    });
    return { deliveryId, event, url: new URL(job.callback.url).origin };
  };
}

/** One signed POST; what came back is kept, and the profile says what follows. */
export function createAttemptDelivery({ jobs, deliveries, sender, sealer, signWebhook }: Capabilities) {
  return async function attemptDelivery({
    deliveryId,
    attempt,
  }: {
    deliveryId: string;
    attempt: number;
  }): Promise<DeliveryOutcome> {
    const delivery = await deliveries.get(deliveryId);
    // Known already when the database went away after the receiver had answered: it is not asked twice.
    const known = delivery.attempts.find(({ number }) => number === attempt);
    const { made, result } = known ? { made: known, result: resultOf(known) } : await send(delivery, attempt);
    const verdict = judgeAttempt(delivery.profile, attempt, result, Math.random());
    const state = verdict.outcome === 'retry' ? 'pending' : verdict.outcome;
    await deliveries.recordAttempt(deliveryId, made, state);
    await showOnJob(delivery, attempt, state, made.networkError);
    const answer = made.networkError ?? String(made.status);
    return verdict.outcome === 'retry'
      ? { outcome: 'retry', answer, delayMs: verdict.delayMs }
      : { outcome: verdict.outcome, answer };
  };

  async function send(
    delivery: Delivery,
    attempt: number,
  ): Promise<{ made: DeliveryAttempt; result: AttemptResult }> {
    const at = new Date();
    const headers = headersOf(delivery, at);
    if (!headers) return unsigned(attempt, at);
    const answer = await sender.post({
      url: delivery.url,
      headers,
      body: delivery.body,
      timeoutMs: WEBHOOK_SCHEDULES[delivery.profile].timeoutMs,
      signal: Context.current().cancellationSignal,
    });
    const { durationMs } = answer;
    if ('reason' in answer) {
      const networkError = answer.reason;
      const made = { number: attempt, at, durationMs, status: null, networkError, responseHead: null };
      return { made, result: { networkError } };
    }
    const { status, headers: answered, body: responseHead } = answer;
    const made = { number: attempt, at, durationMs, status, networkError: null, responseHead };
    return { made, result: { status, retryAfterSeconds: retryAfterSeconds(answered['retry-after'], at) } };
  }

  /** Undefined when there is no secret, null when there is one that no master key opens any more. */
  function secretOf({ _id, sealedSecret, jobId }: Delivery): string | undefined | null {
    if (!sealedSecret) return undefined;
    try {
      return sealer.open(sealedSecret, { collection: 'jobs', id: jobId, field: 'callback.secret' });
    } catch (error) {
      Context.current().log.warn('the secret of a delivery cannot be opened', {
        deliveryId: _id,
        err: error,
      });
      return null;
    }
  }

  /** Null when it cannot be signed: unsigned, its receiver would have to take it for forged. */
  function headersOf(delivery: Delivery, timestamp: Date): Record<string, string> | null {
    const secret = secretOf(delivery);
    if (secret === null) return null;
    return signWebhook({
      profile: delivery.profile,
      body: delivery.body,
      deliveryId: delivery._id,
      event: delivery.event,
      subjectId: delivery.jobId,
      timestamp,
      ...(secret !== undefined && { secret }),
    });
  }

  async function showOnJob(
    { jobId }: Delivery,
    attempts: number,
    status: Delivery['state'],
    networkError: DeliveryAttempt['networkError'],
  ): Promise<void> {
    const { callback } = await jobs.get(jobId);
    if (!callback) return;
    const told = networkError === 'unsigned' ? UNSIGNED : status;
    const message = status === 'pending' ? `attempt ${attempts} failed` : told;
    await jobs.append(
      jobId,
      { type: 'callback', cause: `callback:${attempts}`, message },
      { callback: { ...callback, attempts, status } },
    );
  }
}

/** An attempt that could not even be made; no later one could. */
function unsigned(number: number, at: Date): { made: DeliveryAttempt; result: AttemptResult } {
  const networkError = 'unsigned' as const;
  const made = { number, at, durationMs: 0, status: null, networkError, responseHead: null };
  return { made, result: { networkError } };
}

function resultOf({ status, networkError }: DeliveryAttempt): AttemptResult {
  return status === null ? { networkError: networkError ?? 'protocol' } : { status };
}
