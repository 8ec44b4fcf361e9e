import './access/account-plan.ts';
import './access/account.ts';
import './batches/batch.ts';
import './batches/batch-event.ts';
import './batches/batch-request.ts';
import './credits/credit-admin.ts';
import './credits/credits.ts';
import './access/api-key.ts';
import './files/file.ts';
import './files/format.ts';
import './jobs/job-event.ts';
import './jobs/job-request.ts';
import './jobs/job.ts';
import './access/login.ts';
import './credits/quote.ts';
import './access/secrets.ts';
import './access/session.ts';
import './files/upload.ts';
import './webhooks/webhook-delivery-event.ts';
import './webhooks/webhook-delivery.ts';
import './webhooks/webhook-endpoint.ts';
import './webhooks/webhook-endpoint-state.ts';
import './webhooks/webhook-replay.ts';
import { builder } from './builder.ts';
import { unhurried } from './protection/unhurried.ts';

/** Everything that Kiln says in GraphQL. */
export const schema = unhurried(builder.toSchema());
