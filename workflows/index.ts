export { batchJob } from './batch-job.ts';
export { conversionJob } from './conversion-job.ts';
export { monthlyGrant } from './monthly-grant.ts';
export { retentionSweep } from './retention-sweep.ts';
export { webhookDelivery } from './webhook-delivery.ts';
