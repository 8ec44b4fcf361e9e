import {
  type AccountPlan,
  POLICY_RULES,
  type PolicyRefusal,
  type PolicyRule,
} from '../../src/domain/access/account-plan.ts';
import type { Usage } from '../../src/domain/access/rate-window.ts';
import { DIALECT_PLAN_RULES } from '../../src/domain/dialect.ts';
import type { PolicyAnswer } from '../../src/operations/access/explain-policy.ts';
import { builder } from '../builder.ts';
import { dialectValues } from '../dialect.ts';
import { ErrorCodeEnum, EXPECTED, refusing } from '../errors.ts';

/** What an account gets for its money. */
export const Plan = builder.objectRef<AccountPlan>('Plan').implement({
  description: 'What an account gets for its money. The operator may change it at any time.',
  fields: (t) => ({
    name: t.exposeID('_id', {
      description: 'Names the plan everywhere: guest, free, basic, pro or enterprise.',
    }),
    api: t.exposeBoolean('api', { description: 'Whether API keys work at all.' }),
    ...Object.fromEntries(
      DIALECT_PLAN_RULES.map(({ term, product }) => [
        term,
        t.exposeBoolean(term, { description: `Whether keyed calls of the ${product} API are included.` }),
      ]),
    ),
    batches: t.exposeBoolean('batches', { description: 'Whether batches are included.' }),
    callbacks: t.exposeBoolean('callbacks', { description: 'Whether callbacks are included.' }),
    callsPerMinute: t.exposeInt('callsPerMinute', {
      nullable: true,
      description: 'Calls in any sixty seconds, all keys together; null is unlimited.',
    }),
    callsPerDay: t.exposeInt('callsPerDay', {
      nullable: true,
      description: 'Calls in a UTC day, all keys together; null is unlimited.',
    }),
    concurrency: t.exposeInt('concurrency', {
      description: 'Jobs that convert at a time; more of them wait.',
    }),
    fileBytes: t.expose('fileBytes', {
      type: 'ByteCount',
      nullable: true,
      description: 'The largest file in bytes; null is what the service itself allows.',
    }),
    mediaCredits: t.exposeInt('mediaCredits', { description: 'Media credits given each month.' }),
    swayzio: t.exposeBoolean('swayzio', { description: 'Whether the Swayzio API is covered.' }),
  }),
});

/** The calls of an account, or of a guest's address, and their limits. */
export const CallUsage = builder.objectRef<Usage>('CallUsage').implement({
  description: 'The calls so far and their limits. Reading them is no call.',
  fields: (t) => ({
    callsPerMinute: t.exposeInt('perMinute', {
      nullable: true,
      description: 'Calls in any sixty seconds that are allowed; null is unlimited.',
    }),
    callsPerDay: t.exposeInt('perDay', {
      nullable: true,
      description: 'Calls in a UTC day that are allowed; null is unlimited.',
    }),
    usedThisMinute: t.exposeInt('usedThisMinute', {
      description: 'Calls in the last sixty seconds; 0 where nothing is counted.',
    }),
    usedToday: t.exposeInt('usedToday', {
      description: 'Calls in this UTC day; 0 where nothing is counted.',
    }),
  }),
});

const Rule = builder.enumType('PolicyRule', {
  description: 'A rule that may stand in the way of a request.',
  values: Object.fromEntries(
    Object.entries(POLICY_RULES).map(([rule, description]) => [
      rule,
      { value: rule as PolicyRule, description },
    ]),
  ),
});

const Refusal = builder.objectRef<PolicyRefusal>('PolicyRefusal').implement({
  description: 'A rule that says no.',
  fields: (t) => ({
    rule: t.expose('rule', { type: Rule, description: 'Which one.' }),
    code: t.expose('code', {
      type: ErrorCodeEnum,
      description: 'What a call would fail with.',
    }),
    message: t.exposeString('message', { description: 'Why, for people.' }),
    field: t.exposeString('field', {
      nullable: true,
      description: 'The field of the request that it is about; null when it is about none.',
    }),
    hint: t.exposeString('hint', {
      nullable: true,
      description: 'What would help; null when nothing would.',
    }),
  }),
});

const Answer = builder.objectRef<PolicyAnswer>('PolicyAnswer').implement({
  description: 'Whether a request would be accepted now.',
  fields: (t) => ({
    allowed: t.boolean({
      description: 'Whether no rule says no.',
      resolve: ({ refusals }) => refusals.length === 0,
    }),
    plan: t.expose('plan', { type: Plan, description: 'The plan that applies.' }),
    usage: t.expose('usage', { type: CallUsage, description: 'The calls so far.' }),
    refusals: t.expose('refusals', {
      type: [Refusal],
      description: 'Every rule that says no.',
    }),
  }),
});

const Api = builder.enumType('PolicyApi', {
  description: 'The API through which the request would come.',
  values: dialectValues(),
});

const PolicyInput = builder.inputType('PolicyInput', {
  description: 'A request to be judged. What is left out is not judged.',
  fields: (t) => ({
    api: t.field({ type: Api, required: true, defaultValue: 'graphql', description: 'Through which API.' }),
    filename: t.string({ description: 'Name of the file, from which its format follows.' }),
    size: t.field({ type: 'ByteCount', description: 'Size of the file in bytes.' }),
    target: t.string({ description: 'Format that is wanted: an id or extension.' }),
    callback: t.boolean({ required: true, defaultValue: false, description: 'Whether with a callback.' }),
    batch: t.boolean({ required: true, defaultValue: false, description: 'Whether in a batch.' }),
  }),
});

builder.queryFields((t) => ({
  plans: t.field({
    type: [Plan],
    description: 'All plans, from the smallest to the largest.',
    resolve: (_root, _args, { operations }) => operations.listPlans(),
  }),
  explainPolicy: t.field({
    type: Answer,
    description:
      'Lists the rules that would refuse a request, before anything is sent. Asking counts as no call.',
    args: { input: t.arg({ type: PolicyInput, required: true, description: 'The request.' }) },
    resolve: (_root, { input }, { operations, caller, sender }) =>
      operations.explainPolicy(caller, sender, {
        ...input,
        filename: input.filename ?? undefined,
        size: input.size ?? undefined,
        target: input.target ?? undefined,
      }),
  }),
}));

const EditPlanSuccess = builder.objectRef<{ plan: AccountPlan }>('EditPlanSuccess').implement({
  description: 'The plan is changed for everybody who has it.',
  fields: (t) => ({
    plan: t.expose('plan', { type: Plan, description: 'As it is now.' }),
  }),
});

builder.mutationField('editPlan', (t) =>
  t.field({
    type: EditPlanSuccess,
    errors: EXPECTED,
    description: 'For the operator: changes terms of a plan; within five seconds they count everywhere.',
    args: {
      plan: t.arg.id({ required: true, description: 'Name of the plan.' }),
      changes: t.arg({
        type: 'JSON',
        required: true,
        description: 'The terms to change, by the names of the fields of `Plan`.',
      }),
    },
    resolve: (_root, { plan, changes }, context) =>
      refusing(context, async () => ({
        plan: await context.operations.editPlan(context.actor, plan, changes),
      })),
  }),
);
