import {
  type Endpoint as EndpointRecord,
  type EndpointSecret,
  liveSecrets,
} from '../../src/domain/webhooks/endpoint.ts';
import { WEBHOOK_EVENTS, WILDCARDS } from '../../src/domain/webhooks/webhook-event.ts';
import type { ShownEndpoint } from '../../src/operations/webhooks/endpoints.ts';
import { builder } from '../builder.ts';
import { EXPECTED, refusing } from '../errors.ts';
import { orNull } from '../files/file.ts';
import { uuidOf } from '../global-id.ts';
import { DeliverySuccess } from './webhook-delivery.ts';

const Secret = builder.objectRef<EndpointSecret>('WebhookSecret').implement({
  description: 'A signing secret, without its text: that was shown once, when it was made.',
  fields: (t) => ({
    since: t.expose('since', { type: 'DateTime', description: 'When it was made.' }),
    until: t.expose('until', {
      type: 'DateTime',
      nullable: true,
      description: 'When it stops signing; null for the present secret.',
    }),
  }),
});

/** The GraphQL object of an endpoint. */
export const WebhookEndpoint = builder.objectRef<EndpointRecord>('WebhookEndpoint');

builder.node(WebhookEndpoint, {
  description: 'An address of yours that gets your events as signed POSTs (Standard Webhooks).',
  id: { resolve: ({ _id }) => _id },
  loadWithoutCache: (id, { operations, actor }) => orNull(operations.findEndpoint(actor, id)),
  fields: (t) => ({
    endpointId: t.exposeID('_id', { description: 'The bare UUID.' }),
    url: t.exposeString('url', { description: 'The address.' }),
    events: t.exposeStringList('events', { description: 'The events it subscribes to; `*` is all of them.' }),
    description: t.exposeString('description', { description: 'A note for people; may be empty.' }),
    secrets: t.field({
      type: [Secret],
      description: 'The secrets that sign at present: two for a day after a rotation.',
      resolve: (endpoint) => liveSecrets(endpoint, new Date()),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last changed.' }),
  }),
});

/** What the list of endpoints costs: an account has at most twenty. */
const someEndpoints = { field: 1, multiplier: 20 };
const accountId = { description: 'Your own account unless given; others only for the operator.' } as const;

builder.queryFields((t) => ({
  webhookEndpoint: t.field({
    type: WebhookEndpoint,
    nullable: true,
    description:
      'One of your webhook endpoints; null with the error NOT_FOUND when you own no such endpoint. Needs the scope READ or MANAGE.',
    args: { id: t.arg.id({ required: true, description: 'Its `id` or `endpointId`.' }) },
    resolve: (_root, { id }, { operations, actor }) =>
      operations.findEndpoint(actor, uuidOf('WebhookEndpoint', id, 'id')),
  }),
  webhookEndpoints: t.field({
    type: [WebhookEndpoint],
    description: 'Your webhook endpoints, oldest first; at most 20. Needs the scope READ or MANAGE.',
    complexity: someEndpoints,
    args: { accountId: t.arg.id(accountId) },
    resolve: (_root, args, { operations, actor }) =>
      operations.listEndpoints(actor, args.accountId ?? undefined),
  }),
}));

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

const EndpointSecrets = builder.objectRef<ShownEndpoint>('WebhookEndpointSecrets').implement({
  description: 'An endpoint and its signing secret, which is shown only this once.',
  fields: (t) => ({
    endpoint: t.expose('endpoint', {
      type: WebhookEndpoint,
      description: 'The endpoint.',
    }),
    secret: t.exposeString('secret', {
      description: 'The signing secret, as Standard Webhooks writes it (`whsec_…`).',
    }),
  }),
});

/** The result of what changes an endpoint. */
export const EndpointSuccess = builder
  .objectRef<{ endpoint: EndpointRecord }>('WebhookEndpointSuccess')
  .implement({
    description: 'The endpoint is changed.',
    fields: (t) => ({
      endpoint: t.expose('endpoint', {
        type: WebhookEndpoint,
        description: 'As it is now, or was when it was deleted.',
      }),
    }),
  });

/** The argument that names an endpoint. */
export const endpointArg = {
  required: true,
  description: 'The `id` or `endpointId` of the endpoint.',
} as const;

/** Reads it as the UUID. @throws KilnError INVALID_INPUT */
export const endpointOf = (id: string) => uuidOf('WebhookEndpoint', id, 'id');

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
}));
