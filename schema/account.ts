import type { Account as AccountRecord, Caller } from '../src/domain/account.ts';
import { builder } from './builder.ts';

const CallerKind = builder.enumType('CallerKind', {
  description: 'How a caller is known.',
  values: {
    ACCOUNT: { value: 'account', description: 'By an API key of an account.' },
    GUEST: { value: 'guest', description: 'By a guest token, which came with what the guest made.' },
    ANONYMOUS: { value: 'anonymous', description: 'Not at all: no credential was sent.' },
  } as const,
});

const Viewer = builder.objectRef<Caller>('Viewer').implement({
  description: 'Who is asking, as the credential of this request says.',
  fields: (t) => ({
    kind: t.field({ type: CallerKind, description: 'How the caller is known.', resolve: ({ kind }) => kind }),
    accountId: t.string({
      nullable: true,
      description: 'The account, when there is one.',
      resolve: (caller) => (caller.kind === 'account' ? caller.accountId : null),
    }),
    plan: t.string({
      nullable: true,
      description: 'The plan of the account, such as `pro`.',
      resolve: (caller) => (caller.kind === 'account' ? caller.plan : null),
    }),
    guestId: t.string({
      nullable: true,
      description: 'The guest, when the caller is one.',
      resolve: (caller) => (caller.kind === 'guest' ? caller.guestId : null),
    }),
  }),
});

builder.queryField('me', (t) =>
  t.field({
    type: Viewer,
    description: 'Who you are to Kiln.',
    resolve: (_root, _args, { caller }) => caller,
  }),
);

/** Whom jobs, files and keys belong to. */
export const Account = builder.objectRef<AccountRecord>('Account').implement({
  description: 'Whom jobs, files and keys belong to.',
  fields: (t) => ({
    accountId: t.exposeID('_id', { description: 'UUID of the account.' }),
    name: t.exposeString('name', { description: 'What people call it.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
  }),
});

builder.queryField('account', (t) =>
  t.field({
    type: Account,
    nullable: true,
    description: 'Your account; for the operator any account.',
    args: { id: t.arg.id({ description: 'Its `accountId`; your own unless given.' }) },
    resolve: (_root, { id }, { operations, actor }) => operations.findAccount(actor, id ?? undefined),
  }),
);
