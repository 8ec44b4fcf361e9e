import type { MasterKeyReport, RotatedPage } from '../../src/operations/access/secrets.ts';
import { builder } from '../builder.ts';
import { EXPECTED, refusing } from '../errors.ts';

const MasterKey = builder.objectRef<MasterKeyReport>('MasterKey').implement({
  description: 'A master key: what it is needed for, never what it is.',
  fields: (t) => ({
    keyId: t.exposeID('keyId', { description: 'Stands in each link, token and sealed secret.' }),
    inFront: t.exposeBoolean('inFront', { description: 'Whether it signs and seals.' }),
    available: t.exposeBoolean('available', {
      description: 'False when secrets are sealed under it, but the service does not have it.',
    }),
    sealed: t.exposeInt('sealed', { description: 'Stored secrets that only this key opens.' }),
    idleFrom: t.expose('idleFrom', {
      type: 'DateTime',
      nullable: true,
      description: 'When the last link or token that it may have signed is over; null while it is in front.',
    }),
    removable: t.exposeBoolean('removable', { description: 'Whether nothing needs it any more.' }),
  }),
});

const RotateSecretsSuccess = builder.objectRef<RotatedPage>('RotateSecretsSuccess').implement({
  description: 'One page of stored secrets was looked at.',
  fields: (t) => ({
    resealed: t.exposeInt('resealed', { description: 'How many are sealed under the newest key now.' }),
    unreadable: t.exposeInt('unreadable', {
      description: 'How many no master key opens; they stay as they are.',
    }),
    next: t.exposeString('next', {
      nullable: true,
      description: 'What to give as `after` to go on; null at the end.',
    }),
  }),
});

builder.queryField('masterKeys', (t) =>
  t.field({
    type: [MasterKey],
    description: 'For the operator: the master keys, newest first, and whether an old one may go.',
    complexity: 100,
    resolve: (_root, _args, { operations, actor }) => operations.reportSecrets(actor),
  }),
);

builder.mutationField('rotateSecrets', (t) =>
  t.field({
    type: RotateSecretsSuccess,
    errors: EXPECTED,
    description:
      'For the operator: seals a page of old secrets under the newest master key. May be repeated.',
    args: {
      after: t.arg.string({ description: '`next` of the page before; from the beginning unless given.' }),
    },
    resolve: (_root, { after }, context) =>
      refusing(context, () => context.operations.rotateSecrets(context.actor, after ?? null)),
  }),
);
