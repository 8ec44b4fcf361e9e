import './account-plan.ts';
import './account.ts';
import './batch.ts';
import './batch-event.ts';
import './batch-mutations.ts';
import './credit-admin.ts';
import './credits.ts';
import './api-key.ts';
import './file.ts';
import './format.ts';
import './job-event.ts';
import './job-mutations.ts';
import './job.ts';
import './login.ts';
import './quote.ts';
import './secrets.ts';
import './session.ts';
import './upload.ts';
import './webhook-delivery-event.ts';
import './webhook-delivery.ts';
import './webhook-endpoint.ts';
import './webhook-mutations.ts';
import { builder } from './builder.ts';
import { unhurried } from './unhurried.ts';

/** Everything that Kiln says in GraphQL. */
export const schema = unhurried(builder.toSchema());
