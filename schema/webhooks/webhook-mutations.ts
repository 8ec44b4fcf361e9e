import type { Delivery } from '../../src/domain/webhooks/delivery.ts';
import type { Endpoint } from '../../src/domain/webhooks/endpoint.ts';
import { WEBHOOK_EVENTS, WILDCARDS } from '../../src/domain/webhooks/webhook-event.ts';
import type { Replay } from '../../src/operations/webhooks/deliveries.ts';
import type { ShownEndpoint } from '../../src/operations/webhooks/endpoints.ts';
import { builder } from '../builder.ts';
import { EXPECTED, refusing } from '../errors.ts';
import { uuidOf } from '../global-id.ts';
import { WebhookDelivery } from './webhook-delivery.ts';
import { WebhookEndpoint } from './webhook-endpoint.ts';

const EVENTS = `Any of ${[...Object.keys(WEBHOOK_EVENTS), ...WILDCARDS].map((event) => `\`${event}\``).join(', ')}.`;

const CreateInput = builder.inputType('CreateWebhookEndpointInput', {
  description: 'An endpoint to be made.',
  fields: (t) => ({
    accountId: t.id({ description: 'Your own account unless given; others only for the operator.' }),
    url: t.string({ required: true, description: 'An absolute http or https URL; it gets signed POSTs.' }),
    events: t.stringList({ required: true, defaultValue: ['*'], description: EVENTS }),
    description: t.string({ required: true, defaultValue: '', description: 'At most 200 characters.' }),
  }),
});

const UpdateInput = builder.inputType('UpdateWebhookEndpointInput', {
  description: 'What to change; what is not given stays.',
  fields: (t) => ({
    url: t.string({ description: 'The new address; deliveries that wait already go there as well.' }),
    events: t.stringList({ description: EVENTS }),
    description: t.string({ description: 'At most 200 characters.' }),
  }),
});

const ReplayInput = builder.inputType('ReplayWebhookDeliveriesInput', {
  description: 'Which ended deliveries are to be sent again.',
  fields: (t) => ({
    accountId: t.id({ description: 'Your own account unless given; others only for the operator.' }),
    endpointId: t.id({ description: 'Only those to this endpoint.' }),
    since: t.field({ type: 'DateTime', required: true, description: 'Made at this moment or later.' }),
    until: t.field({ type: 'DateTime', description: 'Made before this moment; up to now unless given.' }),
    failedOnly: t.boolean({
      required: true,
      defaultValue: false,
      description: 'Leaves out what was delivered.',
    }),
    after: t.string({ description: '`next` of the call before, when there were more than one call takes.' }),
  }),
});

const EndpointSecrets = builder.objectRef<ShownEndpoint>('WebhookEndpointSecrets').implement({
  description: 'An endpoint and its signing secret, which is shown only this once.',
  fields: (t) => ({
    endpoint: t.field({
      type: WebhookEndpoint,
      description: 'The endpoint.',
      resolve: ({ endpoint }) => endpoint,
    }),
    secret: t.exposeString('secret', {
      description: 'The signing secret, as Standard Webhooks writes it (`whsec_…`).',
    }),
  }),
});

const EndpointSuccess = builder.objectRef<{ endpoint: Endpoint }>('WebhookEndpointSuccess').implement({
  description: 'The endpoint is changed.',
  fields: (t) => ({
    endpoint: t.field({
      type: WebhookEndpoint,
      description: 'As it is now, or was when it was deleted.',
      resolve: ({ endpoint }) => endpoint,
    }),
  }),
});

const DeliverySuccess = builder.objectRef<{ delivery: Delivery }>('WebhookDeliverySuccess').implement({
  description: 'The delivery is being sent.',
  fields: (t) => ({
    delivery: t.field({
      type: WebhookDelivery,
      description: 'The delivery.',
      resolve: ({ delivery }) => delivery,
    }),
  }),
});

const ReplaySuccess = builder.objectRef<Replay>('ReplayWebhookDeliveriesSuccess').implement({
  description: 'The deliveries are being sent again.',
  fields: (t) => ({
    replayed: t.exposeInt('replayed', { description: 'How many are being sent again.' }),
    left: t.exposeInt('left', {
      description: 'How many were not: they have not ended, or have no enabled endpoint.',
    }),
    next: t.exposeString('next', {
      nullable: true,
      description: 'The `after` of the next call; null when that was all.',
    }),
  }),
});

const endpointArg = { required: true, description: 'The `id` or `endpointId` of the endpoint.' } as const;
const deliveryArg = { required: true, description: 'The `id` or `deliveryId` of the delivery.' } as const;
const endpointOf = (id: string) => uuidOf('WebhookEndpoint', id, 'id');

builder.mutationFields((t) => ({
  createWebhookEndpoint: t.field({
    type: EndpointSecrets,
    errors: EXPECTED,
    description:
      'Makes a webhook endpoint and shows its secret, once. An account has at most 20. Needs the scope READ or CONVERT besides MANAGE, since events link to results.',
    args: { input: t.arg({ type: CreateInput, required: true, description: 'What is wanted.' }) },
    resolve: (_root, { input }, context) =>
      refusing(context, () =>
        context.operations.createEndpoint(context.actor, {
          ...input,
          accountId: input.accountId ?? undefined,
        }),
      ),
  }),
  updateWebhookEndpoint: t.field({
    type: EndpointSuccess,
    errors: EXPECTED,
    description: 'Changes address, events or description of an endpoint.',
    args: {
      id: t.arg.id(endpointArg),
      input: t.arg({ type: UpdateInput, required: true, description: 'What to change.' }),
    },
    resolve: (_root, { id, input: { url, events, description } }, context) =>
      refusing(context, async () => ({
        endpoint: await context.operations.updateEndpoint(context.actor, endpointOf(id), {
          url: url ?? undefined,
          events: events ?? undefined,
          description: description ?? undefined,
        }),
      })),
  }),
  deleteWebhookEndpoint: t.field({
    type: EndpointSuccess,
    errors: EXPECTED,
    description: 'Deletes an endpoint and discards the deliveries that wait for it.',
    args: { id: t.arg.id(endpointArg) },
    resolve: (_root, { id }, context) =>
      refusing(context, async () => ({
        endpoint: await context.operations.deleteEndpoint(context.actor, endpointOf(id)),
      })),
  }),
  rotateWebhookSecret: t.field({
    type: EndpointSecrets,
    errors: EXPECTED,
    description:
      'Gives an endpoint a new secret and shows it, once; the present one signs as well for a day.',
    args: { id: t.arg.id(endpointArg) },
    resolve: (_root, { id }, context) =>
      refusing(context, () => context.operations.rotateSecret(context.actor, endpointOf(id))),
  }),
  pauseWebhookEndpoint: t.field({
    type: EndpointSuccess,
    errors: EXPECTED,
    description: 'Pauses an endpoint: deliveries wait until it is resumed.',
    args: { id: t.arg.id(endpointArg) },
    resolve: (_root, { id }, context) =>
      refusing(context, async () => ({
        endpoint: await context.operations.pauseEndpoint(context.actor, endpointOf(id)),
      })),
  }),
  resumeWebhookEndpoint: t.field({
    type: EndpointSuccess,
    errors: EXPECTED,
    description: 'Enables an endpoint that was paused or disabled, and closes its circuit.',
    args: { id: t.arg.id(endpointArg) },
    resolve: (_root, { id }, context) =>
      refusing(context, async () => ({
        endpoint: await context.operations.resumeEndpoint(context.actor, endpointOf(id)),
      })),
  }),
  testWebhookEndpoint: t.field({
    type: DeliverySuccess,
    errors: EXPECTED,
    description: 'Sends an endpoint the event `endpoint.test`, whatever it subscribes to.',
    args: { id: t.arg.id(endpointArg) },
    resolve: (_root, { id }, context) =>
      refusing(context, async () => ({
        delivery: await context.operations.testEndpoint(context.actor, endpointOf(id)),
      })),
  }),
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
  replayWebhookDeliveries: t.field({
    type: ReplaySuccess,
    errors: EXPECTED,
    description: 'Sends every ended delivery of a time again, oldest first; some 2,000 in one call.',
    args: { input: t.arg({ type: ReplayInput, required: true, description: 'Which ones.' }) },
    resolve: (_root, { input }, context) =>
      refusing(context, () => {
        const { accountId, endpointId, since, until, failedOnly, after } = input;
        return context.operations.replayDeliveries(context.actor, {
          accountId: accountId ?? undefined,
          endpointId: endpointId ? uuidOf('WebhookEndpoint', endpointId, 'endpointId') : undefined,
          since,
          until: until ?? undefined,
          failedOnly,
          after: after ?? undefined,
        });
      }),
  }),
}));
