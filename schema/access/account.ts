import type { Account as AccountRecord, Caller } from '../../src/domain/access/account.ts';
import { builder } from '../builder.ts';
import { EXPECTED, refusing } from '../errors.ts';
import { pageCost, pageOf } from '../page.ts';
import { CallUsage, Plan } from './account-plan.ts';

const CallerKind = builder.enumType('CallerKind', {
  description: 'How a caller is known.',
  values: {
    ACCOUNT: {
      value: 'account',
      description: 'By an API key of an account, a login (OIDC), or a session that came from one.',
    },
    GUEST: { value: 'guest', description: 'By a guest token, which came with what the guest made.' },
    ANONYMOUS: { value: 'anonymous', description: 'Not at all: no credential was sent.' },
  } as const,
});

const Viewer = builder.objectRef<Caller>('Viewer').implement({
  description: 'Who is asking, as the credential of this request says.',
  fields: (t) => ({
    kind: t.expose('kind', { type: CallerKind, description: 'How the caller is known.' }),
    accountId: t.string({
      nullable: true,
      description: 'UUID of the account; null for guests, and without a credential.',
      resolve: (caller) => (caller.kind === 'account' ? caller.accountId : null),
    }),
    plan: t.string({
      nullable: true,
      description: 'The plan of the account, such as `pro`; null for guests, and without a credential.',
      resolve: (caller) => (caller.kind === 'account' ? caller.plan : null),
    }),
    guestId: t.string({
      nullable: true,
      description: 'UUID of the guest; null for everybody else.',
      resolve: (caller) => (caller.kind === 'guest' ? caller.guestId : null),
    }),
  }),
});

/** The owner of jobs, files and keys. */
export const Account = builder.objectRef<AccountRecord>('Account').implement({
  description: 'The owner of jobs, files and keys.',
  fields: (t) => ({
    accountId: t.exposeID('_id', { description: 'UUID of the account.' }),
    name: t.exposeString('name', { description: 'What people call it.' }),
    plan: t.field({
      type: Plan,
      description: 'Its plan.',
      resolve: ({ plan }, _args, { operations }) => operations.findPlan(plan),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
  }),
});

builder.queryFields((t) => ({
  me: t.field({
    type: Viewer,
    description: 'Who you are to Kiln.',
    resolve: (_root, _args, { caller }) => caller,
  }),
  account: t.field({
    type: Account,
    nullable: true,
    description:
      'Your account; for the operator any account. Null with the error NOT_FOUND when there is none.',
    args: { id: t.arg.id({ description: 'Its `accountId`; your own unless given.' }) },
    resolve: (_root, { id }, { operations, actor }) => operations.findAccount(actor, id ?? undefined),
  }),
  accounts: t.connection({
    type: Account,
    description: 'For the operator: all accounts, newest first.',
    complexity: pageCost,
    resolve: (_root, args, { operations, actor }) =>
      pageOf(args, (page) => operations.listAccounts(actor, page)),
  }),
}));

builder.objectField(Viewer, 'usage', (t) =>
  t.field({
    type: CallUsage,
    description: 'Your calls so far and their limits.',
    resolve: (caller, _args, { operations, sender }) => operations.readUsage(caller, sender),
  }),
);

const AccountSuccess = builder.objectRef<{ account: AccountRecord }>('AccountSuccess').implement({
  description: 'The account is made or changed.',
  fields: (t) => ({
    account: t.expose('account', { type: Account, description: 'As it is now.' }),
  }),
});

const accountName = { required: true, description: 'What people call it, 1 to 80 characters.' } as const;

builder.mutationFields((t) => ({
  createAccount: t.field({
    type: AccountSuccess,
    errors: EXPECTED,
    description: 'For the operator: makes an account, which has no keys yet.',
    args: {
      name: t.arg.string(accountName),
      plan: t.arg.id({ required: true, defaultValue: 'free', description: 'Name of its plan.' }),
    },
    resolve: (_root, request, context) =>
      refusing(context, async () => ({
        account: await context.operations.createAccount(context.actor, request),
      })),
  }),
  renameAccount: t.field({
    type: AccountSuccess,
    errors: EXPECTED,
    description: 'Gives an account another name.',
    args: {
      id: t.arg.id({ description: 'Your own unless given; others only for the operator.' }),
      name: t.arg.string(accountName),
    },
    resolve: (_root, { id, name }, context) =>
      refusing(context, async () => ({
        account: await context.operations.renameAccount(context.actor, id ?? undefined, name),
      })),
  }),
  setAccountPlan: t.field({
    type: AccountSuccess,
    errors: EXPECTED,
    description: 'For the operator: moves an account to another plan, at once.',
    args: {
      id: t.arg.id({ required: true, description: 'The `accountId`.' }),
      plan: t.arg.id({ required: true, description: 'Name of the plan.' }),
    },
    resolve: (_root, { id, plan }, context) =>
      refusing(context, async () => ({
        account: await context.operations.setAccountPlan(context.actor, id, plan),
      })),
  }),
}));
