import type { Balance, LedgerEntry as Entry, EntryKind } from '../../src/domain/credits/credits.ts';
import { Account } from '../access/account.ts';
import { builder } from '../builder.ts';
import { pageCost, pageOf, type SortKey } from '../page.ts';

const LedgerEntryKind = builder.enumType('LedgerEntryKind', {
  description: 'Why credits moved.',
  values: {
    GRANT: { value: 'grant', description: 'The operator gave them.' },
    MONTHLY: { value: 'monthly', description: 'They came with the plan, for a month.' },
    HOLD: { value: 'hold', description: 'They were set aside for a job that runs.' },
    CAPTURE: { value: 'capture', description: 'A job has used them.' },
    RELEASE: { value: 'release', description: 'They were set aside, and came back.' },
  } as const satisfies Record<string, { value: EntryKind; description: string }>,
});

/** What an account has, or what moved. */
export const CreditBalance = builder.objectRef<Balance>('CreditBalance').implement({
  description: 'Media credits: those that may be spent, and those that are set aside.',
  fields: (t) => ({
    available: t.expose('available', { type: 'Credits', description: 'What may be spent.' }),
    held: t.expose('held', { type: 'Credits', description: 'What is set aside for jobs that run.' }),
  }),
});

const LedgerEntry = builder.objectRef<Entry>('LedgerEntry').implement({
  description: 'One movement of media credits. The ledger is only ever appended to.',
  fields: (t) => ({
    entryId: t.exposeID('_id', { description: 'Unique; the same movement never has another.' }),
    seq: t.exposeInt('seq', { description: 'Its number in the account, from 1 without gaps.' }),
    kind: t.expose('kind', {
      type: LedgerEntryKind,
      description: 'Why credits moved.',
    }),
    jobId: t.id({
      nullable: true,
      description: 'UUID of the job; null when credits were given.',
      resolve: ({ kind, subject }) => (kind === 'grant' || kind === 'monthly' ? null : subject),
    }),
    change: t.expose('change', { type: CreditBalance, description: 'What moved.' }),
    balance: t.expose('balance', {
      type: CreditBalance,
      description: 'What there was after it.',
    }),
    at: t.expose('at', { type: 'DateTime', description: 'When it happened.' }),
  }),
});

const BY_SEQ: SortKey<Entry> = {
  of: ({ seq }) => String(seq),
  isKey: (text) => /^\d{1,15}$/.test(text),
  first: '0',
};

const numberOf = (text: string | undefined) => (text === undefined ? undefined : Number(text));

builder.objectFields(Account, (t) => ({
  available: t.field({
    type: 'Credits',
    description: 'Media credits that may be spent.',
    resolve: ({ available = 0 }) => available,
  }),
  held: t.field({
    type: 'Credits',
    description: 'Media credits that are set aside for jobs that run.',
    resolve: ({ held = 0 }) => held,
  }),
  ledger: t.connection({
    type: LedgerEntry,
    description: 'Every movement of media credits, newest first.',
    complexity: pageCost,
    resolve: ({ _id }, args, { operations, actor }) =>
      pageOf(
        args,
        ({ limit, before, after }) =>
          operations.listLedger(actor, _id, { limit, before: numberOf(before), after: numberOf(after) }),
        BY_SEQ,
      ),
  }),
}));
