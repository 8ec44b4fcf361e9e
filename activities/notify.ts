import { Context } from '@temporalio/activity';
import { v5 as uuidv5 } from 'uuid';
import type { Capabilities } from '../src/app.ts';
import { retryAfterSeconds } from '../src/domain/backoff.ts';
import { swapmyfileCallback } from '../src/domain/callback-payload.ts';
import type { Delivery, DeliveryAttempt } from '../src/domain/delivery.ts';
import { ConversionError } from '../src/domain/errors.ts';
import { type AttemptResult, judgeAttempt, WEBHOOK_SCHEDULES } from '../src/domain/webhook-profile.ts';
import type { HttpAnswer, HttpFailure } from '../src/net/fetch.ts';

export type DeliveryOutcome =
  | { outcome: 'delivered' | 'failed'; answer: string }
  | { outcome: 'retry'; answer: string; delayMs: number };

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
    const at = new Date();
    const answer = await sender.post({
      url: delivery.url,
      headers: headersOf(delivery, at),
      body: delivery.body,
      timeoutMs: WEBHOOK_SCHEDULES[delivery.profile].timeoutMs,
      signal: Context.current().cancellationSignal,
    });
    const failed = 'reason' in answer;
    const result: DeliveryAttempt = {
      number: attempt,
      at,
      durationMs: answer.durationMs,
      status: failed ? null : answer.status,
      networkError: failed ? answer.reason : null,
      responseHead: failed ? null : answer.body,
    };
    const verdict = judgeAttempt(delivery.profile, attempt, resultOf(answer, at), Math.random());
    const state = verdict.outcome === 'retry' ? 'pending' : verdict.outcome;
    await deliveries.recordAttempt(deliveryId, result, state);
    await showOnJob(delivery, attempt, state);
    const text = failed ? answer.reason : String(answer.status);
    return verdict.outcome === 'retry'
      ? { outcome: 'retry', answer: text, delayMs: verdict.delayMs }
      : { outcome: verdict.outcome, answer: text };
  };

  function headersOf(delivery: Delivery, timestamp: Date): Record<string, string> {
    const secret = delivery.sealedSecret
      ? sealer.open(delivery.sealedSecret, {
          collection: 'jobs',
          id: delivery.jobId,
          field: 'callback.secret',
        })
      : undefined;
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

  async function showOnJob({ jobId }: Delivery, attempts: number, status: Delivery['state']): Promise<void> {
    const { callback } = await jobs.get(jobId);
    if (!callback) return;
    const message = status === 'pending' ? `attempt ${attempts} failed` : status;
    await jobs.append(
      jobId,
      { type: 'callback', cause: `callback:${attempts}`, message },
      { callback: { ...callback, attempts, status } },
    );
  }
}

function resultOf(answer: HttpAnswer | HttpFailure, now: Date): AttemptResult {
  if ('reason' in answer) return { networkError: answer.reason };
  return { status: answer.status, retryAfterSeconds: retryAfterSeconds(answer.headers['retry-after'], now) };
}
