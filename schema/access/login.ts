import type { Account as AccountRecord } from '../../src/domain/access/account.ts';
import { subjectOfLogin } from '../../src/domain/access/login.ts';
import { builder } from '../builder.ts';
import { EXPECTED, refusing } from '../errors.ts';
import { Account } from './account.ts';

builder.objectFields(Account, (t) => ({
  login: t.string({
    nullable: true,
    description: 'The `sub` of the person who can log in (OIDC) as this account; null for nobody.',
    resolve: ({ oidcSubject }) => (oidcSubject === undefined ? null : subjectOfLogin(oidcSubject)),
  }),
  sessionsSince: t.expose('sessionsSince', {
    type: 'DateTime',
    nullable: true,
    description: 'Sessions and logins from before are over; null if they were never ended.',
  }),
}));

const LoginsSuccess = builder.objectRef<{ account: AccountRecord }>('LoginsSuccess').implement({
  description: 'The logins of the account are changed.',
  fields: (t) => ({
    account: t.expose('account', { type: Account, description: 'As it is now.' }),
  }),
});

builder.mutationFields((t) => ({
  linkAccount: t.field({
    type: LoginsSuccess,
    errors: EXPECTED,
    description:
      'For the operator: lets a person log in (OIDC) as the account, instead of whoever could before; the sessions of that one end.',
    args: {
      id: t.arg.id({ required: true, description: 'The `accountId`.' }),
      subject: t.arg.string({
        description: 'The `sub` of the tokens of the person; without it nobody can log in as the account.',
      }),
    },
    resolve: (_root, { id, subject }, context) =>
      refusing(context, async () => ({
        account: await context.operations.linkAccount(context.actor, id, subject ?? null),
      })),
  }),
  endSessions: t.field({
    type: LoginsSuccess,
    errors: EXPECTED,
    description:
      'Ends all sessions and logins of an account, open subscriptions within five seconds. Its keys go on.',
    args: { id: t.arg.id({ description: 'Your own account unless given; others only for the operator.' }) },
    resolve: (_root, { id }, context) =>
      refusing(context, async () => ({
        account: await context.operations.endSessions(context.actor, id ?? undefined),
      })),
  }),
}));
