import type { Replay } from '../../src/operations/webhooks/deliveries.ts';
import { builder } from '../builder.ts';
import { EXPECTED, refusing } from '../errors.ts';
import { uuidOf } from '../global-id.ts';

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

builder.mutationField('replayWebhookDeliveries', (t) =>
  t.field({
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
);
