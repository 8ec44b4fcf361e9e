import { seesResults } from '../../src/domain/access/account.ts';
import type {
  DeliveryHold,
  Delivery as DeliveryRecord,
  DeliveryState,
  DeliverySummary,
} from '../../src/domain/webhooks/delivery.ts';
import { builder } from '../builder.ts';
import { EXPECTED, refusing } from '../errors.ts';
import { orNull } from '../files/file.ts';
import { uuidOf } from '../global-id.ts';
import { Job } from '../jobs/job.ts';
import { pageCost, pageOf, type SortKey } from '../page.ts';
import { WebhookAttempt } from './webhook-attempt.ts';

/** The GraphQL enum of `DeliveryState`. */
export const WebhookDeliveryState = builder.enumType('WebhookDeliveryState', {
  description: 'Where a delivery stands.',
  values: {
    PENDING: { value: 'pending', description: 'Not received yet; attempts follow.' },
    DELIVERED: { value: 'delivered', description: 'The receiver answered with a 2xx status.' },
    FAILED: { value: 'failed', description: 'No attempt follows. It can be replayed.' },
    DISCARDED: {
      value: 'discarded',
      description: 'Its endpoint was deleted before the delivery was received.',
    },
  } as const satisfies Record<string, { value: DeliveryState; description: string }>,
});

const Hold = builder.enumType('WebhookDeliveryHold', {
  description: 'Why the next attempt of a delivery was put off. Waiting uses up no attempt.',
  values: {
    PAUSED: { value: 'paused', description: 'Its endpoint is paused.' },
    CIRCUIT: {
      value: 'circuit',
      description: 'Its endpoint failed ten times in a row; one delivery at a time may try.',
    },
    BUSY: { value: 'busy', description: 'Its endpoint has as many requests under way as it answers well.' },
  } as const satisfies Record<string, { value: DeliveryHold; description: string }>,
});

/** The GraphQL object of a delivery; lists leave `body` and `attempts` out, which are then read on demand. */
export const WebhookDelivery = builder.objectRef<DeliverySummary & Partial<DeliveryRecord>>(
  'WebhookDelivery',
);

builder.node(WebhookDelivery, {
  description: 'A message to one receiver. Every attempt sends the same bytes under the same id.',
  id: { resolve: ({ _id }) => _id },
  loadWithoutCache: (id, { operations, actor }) => orNull(operations.findDelivery(actor, id)),
  fields: (t) => ({
    deliveryId: t.exposeID('_id', { description: 'The bare UUID; `webhook-id` of every attempt.' }),
    endpointId: t.exposeID('endpointId', {
      nullable: true,
      description: "UUID of the endpoint, which may be deleted; null for a job's own callback.",
    }),
    jobId: t.exposeID('jobId', {
      nullable: true,
      description: 'UUID of the job that it is about; null when it is about none.',
    }),
    event: t.exposeString('event', { description: 'The event, such as `job.ready`.' }),
    url: t.exposeString('url', { description: 'The address when the delivery was made.' }),
    body: t.string({
      nullable: true,
      description:
        'The JSON that is sent. It links to results, so it is null to a credential without the scope READ or CONVERT.',
      resolve: (delivery, _args, { actor, operations }) =>
        seesResults(actor) ? operations.bodyOf(delivery) : null,
    }),
    state: t.expose('state', {
      type: WebhookDeliveryState,
      description: 'Its state.',
    }),
    hold: t.expose('hold', {
      type: Hold,
      nullable: true,
      description: 'Why its next attempt was put off; null when it was not.',
    }),
    attempts: t.field({
      type: [WebhookAttempt],
      description: 'Its attempts, oldest first; the latest 100 are kept.',
      complexity: { field: 1, multiplier: 10 },
      resolve: (delivery, _args, { operations }) => operations.attemptsOf(delivery),
    }),
    nextAttemptAt: t.expose('nextAttemptAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the next attempt is due; null before the first and after the last one.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the delivery was made.' }),
    updatedAt: t.expose('updatedAt', {
      type: 'DateTime',
      description: 'When anything about it last changed.',
    }),
  }),
});

/** Sorts by `order`: the ids of deliveries are derived, so they do not sort by creation. */
const BY_ORDER: SortKey<DeliverySummary> = {
  of: ({ order }) => order,
  isKey: (text) => /^[0-9a-f-]{36}$/.test(text),
  first: '0',
};

const accountId = { description: 'Your own account unless given; others only for the operator.' } as const;

builder.queryFields((t) => ({
  webhookDelivery: t.field({
    type: WebhookDelivery,
    nullable: true,
    description:
      'One of your deliveries; null with the error NOT_FOUND when you own no such delivery. Needs the scope READ or MANAGE.',
    args: { id: t.arg.id({ required: true, description: 'Its `id` or `deliveryId`.' }) },
    resolve: (_root, { id }, { operations, actor }) =>
      operations.findDelivery(actor, uuidOf('WebhookDelivery', id, 'id')),
  }),
  webhookDeliveries: t.connection({
    type: WebhookDelivery,
    description: 'Your deliveries, newest first. Needs the scope READ or MANAGE.',
    complexity: pageCost,
    args: {
      accountId: t.arg.id(accountId),
      endpointId: t.arg.id({ description: 'Only those to this endpoint.' }),
      jobId: t.arg.id({ description: 'Only those about this job.' }),
      state: t.arg({ type: WebhookDeliveryState, description: 'Only those in this state.' }),
    },
    resolve: (_root, { accountId: account, endpointId, jobId, state, ...page }, { operations, actor }) =>
      pageOf(
        page,
        (query) =>
          operations.listDeliveries(actor, {
            ...query,
            accountId: account ?? undefined,
            endpointId: endpointId ? uuidOf('WebhookEndpoint', endpointId, 'endpointId') : undefined,
            jobId: jobId ? uuidOf('Job', jobId, 'jobId') : undefined,
            state: state ?? undefined,
          }),
        BY_ORDER,
      ),
  }),
}));

builder.objectField(Job, 'deliveries', (t) =>
  t.connection({
    type: WebhookDelivery,
    description: 'The webhook deliveries about it, newest first. Needs the scope READ or MANAGE.',
    complexity: pageCost,
    resolve: ({ _id }, args, { operations, actor }) =>
      pageOf(args, (query) => operations.listDeliveries(actor, { ...query, jobId: _id }), BY_ORDER),
  }),
);

/** The result of what sends a delivery. */
export const DeliverySuccess = builder
  .objectRef<{ delivery: DeliveryRecord }>('WebhookDeliverySuccess')
  .implement({
    description: 'The delivery is being sent.',
    fields: (t) => ({
      delivery: t.expose('delivery', {
        type: WebhookDelivery,
        description: 'The delivery.',
      }),
    }),
  });

const deliveryArg = { required: true, description: 'The `id` or `deliveryId` of the delivery.' } as const;

builder.mutationFields((t) => ({
  replayWebhookDelivery: t.field({
    type: DeliverySuccess,
    errors: EXPECTED,
    description:
      'Sends a delivery again: the same bytes under the same id. One that is pending makes its next attempt at once.',
    args: { id: t.arg.id(deliveryArg) },
    resolve: (_root, { id }, context) =>
      refusing(context, async () => ({
        delivery: await context.operations.replayDelivery(context.actor, uuidOf('WebhookDelivery', id, 'id')),
      })),
  }),
}));
