import type { DeliveryEvent as EventRecord } from '../../src/domain/webhooks/delivery-event.ts';
import { builder } from '../builder.ts';
import { uuidOf } from '../global-id.ts';
import { cancellable } from '../jobs/cancellable.ts';
import { WebhookAttempt } from './webhook-attempt.ts';
import { WebhookDelivery, WebhookDeliveryState } from './webhook-delivery.ts';

const DeliveryEvent = builder.objectRef<EventRecord>('WebhookDeliveryEvent').implement({
  description: 'An attempt that was made, or a delivery that moved to another state.',
  fields: (t) => ({
    eventId: t.exposeID('eventId', {
      description:
        'The same in every repeat of the event: drop what you have seen, such as after a reconnection.',
    }),
    at: t.expose('at', {
      type: 'DateTime',
      description: 'When it happened; give it as `after` to go on from here.',
    }),
    attempt: t.expose('attempt', {
      type: WebhookAttempt,
      nullable: true,
      description: 'The attempt; null when the delivery moved to another state.',
    }),
    state: t.field({
      type: WebhookDeliveryState,
      description: 'The state of the delivery now.',
      resolve: ({ delivery }) => delivery.state,
    }),
    delivery: t.expose('delivery', {
      type: WebhookDelivery,
      description: 'The delivery as it is now.',
    }),
  }),
});

builder.subscriptionField('webhookDeliveryEvents', (t) =>
  t.field({
    type: DeliveryEvent,
    description:
      'Streams the events of your deliveries: first those after `after`, then new ones about a second after they happen. ' +
      'Each attempt comes at least once and in the order of its delivery; of states that follow each other within that second, the last.',
    args: {
      accountId: t.arg.id({ description: 'Your own account unless given; others only for the operator.' }),
      endpointId: t.arg.id({ description: 'Only deliveries to this endpoint.' }),
      after: t.arg({
        type: 'DateTime',
        description: 'The `at` of the last event that you have seen; only new events unless given.',
      }),
    },
    subscribe: (_root, { accountId, endpointId, after }, { operations, actor }) => {
      const watch = {
        accountId: accountId ?? undefined,
        endpointId: endpointId ? uuidOf('WebhookEndpoint', endpointId, 'endpointId') : undefined,
        after: after ?? null,
      };
      return cancellable((signal) => operations.watchDeliveries(actor, { ...watch, signal }));
    },
    resolve: (event) => event,
  }),
);
