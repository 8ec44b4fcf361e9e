export { conversionJob } from './conversion-job.ts';
export { webhookDelivery } from './webhook-delivery.ts';
