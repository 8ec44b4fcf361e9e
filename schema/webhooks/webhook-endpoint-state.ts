import { type Circuit as CircuitRecord, circuitState } from '../../src/domain/webhooks/circuit.ts';
import { builder } from '../builder.ts';
import { EXPECTED, refusing } from '../errors.ts';
import { EndpointSuccess, endpointArg, endpointOf, WebhookEndpoint } from './webhook-endpoint.ts';

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

builder.objectFields(WebhookEndpoint, (t) => ({
  state: t.expose('state', {
    type: EndpointState,
    description: 'Whether deliveries are sent to it.',
  }),
  disabledFor: t.expose('disabledFor', {
    type: DisableReason,
    nullable: true,
    description: 'Why it is disabled; null unless it is.',
  }),
  stateSince: t.expose('stateSince', { type: 'DateTime', description: 'Since when it is in its state.' }),
  circuit: t.expose('circuit', {
    type: Circuit,
    description: 'Whether it answers well; while it does not, deliveries wait.',
  }),
}));

builder.mutationFields((t) => ({
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
}));
