import type { CallbackInput, CallbackMessage } from '../../domain/webhooks/callback.ts';
import { swapmyfileJob } from './job.ts';

/**
 * Builds the one message that every attempt of a callback sends. It shows the callback as it was
 * before the first attempt: the same bytes must stay true, and signed alike, on the fourth.
 */
export function describeCallback({ job, pathOf, at }: CallbackInput): CallbackMessage {
  const event = job.status === 'ready' ? 'job.ready' : 'job.failed';
  const { callback, ...view } = swapmyfileJob(job);
  const [output] = job.outputs;
  const body = {
    event,
    deliveredAt: at.toISOString(),
    job: {
      ...view,
      downloadUrl: output ? pathOf(output) : null,
      callback: callback && { ...callback, status: 'pending', attempts: 0 },
    },
  };
  return { event, body: JSON.stringify(body) };
}
