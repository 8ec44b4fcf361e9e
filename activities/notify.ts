import { callbackId } from '../src/domain/derived-ids.ts';
import { KilnError } from '../src/domain/errors.ts';
import type { Job } from '../src/domain/jobs/job.ts';
import type { CallbackMessage } from '../src/domain/webhooks/callback.ts';
import type { Delivery } from '../src/domain/webhooks/delivery.ts';
import { newDelivery } from '../src/domain/webhooks/new-delivery.ts';
import type { DeliveryRepository } from '../src/store/deliveries.ts';
import type { JobRepository } from '../src/store/jobs.ts';

export interface PrepareCallbackPorts {
  jobs: Pick<JobRepository, 'get'>;
  deliveries: Pick<DeliveryRepository, 'insertIfAbsent'>;
  /** Returns the message about a job's end in the format of the job's API. */
  describeCallback(job: Job): CallbackMessage & Pick<Delivery, 'profile'>;
}

/**
 * Builds `prepareCallback`, which stores the delivery of a job's callback, so that every attempt sends the same
 * bytes.
 * @throws KilnError NOT_FOUND if the job has no callback.
 */
export function createPrepareCallback({ jobs, deliveries, describeCallback }: PrepareCallbackPorts) {
  return async function prepareCallback({
    jobId,
  }: {
    jobId: string;
  }): Promise<{ deliveryId: string; event: string; url: string }> {
    const job = await jobs.get(jobId);
    if (!job.callback) throw new KilnError('NOT_FOUND', 'The job has no callback.');
    const { profile, event, body } = describeCallback(job);
    const deliveryId = callbackId(jobId);
    const { url, sealedSecret } = job.callback;
    // The job's workflow starts the delivery's as its child; if it dies before, the repair does.
    const fields = { endpointId: null, url, sealedSecret, begun: false };
    const message = { owner: job.owner, profile, event, subjectId: jobId, body };
    await deliveries.insertIfAbsent(newDelivery({ _id: deliveryId, ...message, ...fields }));
    return { deliveryId, event, url: new URL(job.callback.url).origin };
  };
}
