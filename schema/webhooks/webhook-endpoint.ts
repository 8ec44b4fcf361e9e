import { type Circuit as CircuitRecord, circuitState } from '../../src/domain/webhooks/circuit.ts';
import {
  type Endpoint as EndpointRecord,
  type EndpointSecret,
  liveSecrets,
} from '../../src/domain/webhooks/endpoint.ts';
import { builder } from '../builder.ts';
import { orNull } from '../files/file.ts';
import { uuidOf } from '../global-id.ts';

const EndpointState = builder.enumType('WebhookEndpointState', {
  description: 'Whether deliveries are sent to an endpoint.',
  values: {
    ENABLED: { value: 'enabled', description: 'Deliveries are sent.' },
    PAUSED: { value: 'paused', description: 'Its owner paused it: deliveries wait until it is resumed.' },
    DISABLED: {
      value: 'disabled',
      description: 'No delivery is sent: new ones fail at once and can be replayed later.',
    },
  } as const,
});

const DisableReason = builder.enumType('WebhookDisableReason', {
  description: 'Why an endpoint is disabled.',
  values: {
    GONE: { value: 'gone', description: 'It answered 410.' },
    FAILING: { value: 'failing', description: 'It failed for five days without a single success.' },
  } as const,
});

const CircuitState = builder.enumType('WebhookCircuitState', {
  description: 'Whether an endpoint answers well.',
  values: {
    CLOSED: { value: 'closed', description: 'It answers well: deliveries are sent when they are due.' },
    OPEN: {
      value: 'open',
      description: 'It failed ten times in a row: deliveries wait, without using up attempts.',
    },
    HALF_OPEN: {
      value: 'half_open',
      description: 'One delivery at a time finds out whether it answers well again.',
    },
  } as const,
});

const Circuit = builder.objectRef<CircuitRecord>('WebhookCircuit').implement({
  description: 'How an endpoint has answered lately.',
  fields: (t) => ({
    state: t.field({
      type: CircuitState,
      description: 'Whether it answers well.',
      resolve: (circuit) => circuitState(circuit, new Date()),
    }),
    failures: t.exposeInt('failures', {
      description: 'Failed attempts in a row, of all deliveries together.',
    }),
    failingSince: t.expose('failingSince', {
      type: 'DateTime',
      nullable: true,
      description: 'When the first of them was; null when there is none.',
    }),
    nextProbeAt: t.expose('probeAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the next delivery may try; null while the circuit is closed.',
    }),
  }),
});

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
    state: t.field({
      type: EndpointState,
      description: 'Whether deliveries are sent to it.',
      resolve: ({ state }) => state,
    }),
    disabledFor: t.field({
      type: DisableReason,
      nullable: true,
      description: 'Why it is disabled; null unless it is.',
      resolve: ({ disabledFor }) => disabledFor,
    }),
    stateSince: t.expose('stateSince', { type: 'DateTime', description: 'Since when it is in its state.' }),
    circuit: t.field({
      type: Circuit,
      description: 'Whether it answers well; while it does not, deliveries wait.',
      resolve: ({ circuit }) => circuit,
    }),
    secrets: t.field({
      type: [Secret],
      description: 'The secrets that sign at present: two for a day after a rotation.',
      resolve: (endpoint) => liveSecrets(endpoint, new Date()),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last changed.' }),
  }),
});

/** An account has at most twenty. */
const someEndpoints = { field: 1, multiplier: 20 };
const accountId = { description: 'Your own account unless given; others only for the operator.' } as const;

builder.queryFields((t) => ({
  webhookEndpoint: t.field({
    type: WebhookEndpoint,
    nullable: true,
    description: 'One of your webhook endpoints. Needs the scope READ or MANAGE.',
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
