import type { Difference as DifferenceRecord } from '../../src/domain/credits/audit.ts';
import type { Balance } from '../../src/domain/credits/credits.ts';
import type { Reconciliation as ReconciliationRecord } from '../../src/operations/credits/reconcile.ts';
import { builder } from '../builder.ts';
import { EXPECTED, refusing } from '../errors.ts';
import { CreditBalance } from './credits.ts';

const Difference = builder.objectRef<DifferenceRecord>('CreditDifference').implement({
  description: 'Something that should be equal and is not.',
  fields: (t) => ({
    accountId: t.exposeID('accountId', { description: 'The account.' }),
    what: t.exposeString('what', { description: 'What was compared.' }),
    expected: t.expose('expected', { type: 'Credits', description: 'What the account says.' }),
    found: t.expose('found', { type: 'Credits', description: 'What was found.' }),
  }),
});

const Reconciliation = builder.objectRef<ReconciliationRecord>('CreditReconciliation').implement({
  description: 'The proof that every balance is the sum of its ledger, or what is wrong with it.',
  fields: (t) => ({
    accounts: t.exposeInt('accounts', { description: 'How many accounts were checked.' }),
    entries: t.exposeInt('entries', { description: 'How many entries were added up.' }),
    differences: t.expose('differences', {
      type: [Difference],
      description: 'Empty when all is well.',
    }),
  }),
});

builder.queryField('reconcileCredits', (t) =>
  t.field({
    type: Reconciliation,
    description: 'Checks all accounts against the ledger. For the operator.',
    complexity: 100,
    resolve: (_root, _args, { operations, actor }) => operations.reconcileCredits(actor),
  }),
);

const GrantCreditsSuccess = builder.objectRef<{ balance: Balance }>('GrantCreditsSuccess').implement({
  description: 'The credits are there.',
  fields: (t) => ({
    balance: t.expose('balance', {
      type: CreditBalance,
      description: 'What the account has now.',
    }),
  }),
});

const GrantCreditsInput = builder.inputType('GrantCreditsInput', {
  description: 'Media credits for an account.',
  fields: (t) => ({
    accountId: t.id({ required: true, description: 'Who gets them.' }),
    amount: t.field({ type: 'Credits', required: true, description: 'How many, at least 1.' }),
    grantId: t.id({ description: 'A UUID of your own: with the same one the grant is made once.' }),
  }),
});

builder.mutationField('grantCredits', (t) =>
  t.field({
    type: GrantCreditsSuccess,
    errors: EXPECTED,
    description: 'Tops an account up. For the operator.',
    args: { input: t.arg({ type: GrantCreditsInput, required: true, description: 'What is given.' }) },
    resolve: (_root, { input: { accountId, amount, grantId } }, context) =>
      refusing(context, async () => ({
        balance: await context.operations.grantCredits(context.actor, {
          accountId,
          amount,
          grantId: grantId ?? undefined,
        }),
      })),
  }),
);
