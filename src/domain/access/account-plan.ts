import { z } from 'zod';
import {
  DIALECT_PLAN_RULES,
  DIALECTS,
  type Dialect,
  type DialectRule,
  type DialectTerm,
} from '../dialect.ts';
import { type ErrorCode, KilnError, raisedBy } from '../errors.ts';
import { hintAmong } from '../names.ts';
import type { Caller } from './account.ts';

/** What a GraphQL Int can say. */
const MAX_INT = 1_000_000_000;

/** Everything about a plan that an operator may change while the service runs. */
const terms = z.strictObject({
  /** Whether API keys work at all; sessions and guests are the browser's way in. */
  api: z.boolean(),
  /** Whether keyed calls of a dialect are included that is not part of every plan. */
  ...dialectTerms(() => z.boolean()),
  batches: z.boolean(),
  callbacks: z.boolean(),
  /** Per account, in any sixty seconds; null is unlimited. */
  callsPerMinute: z.int().min(1).max(10_000).nullable(),
  /** Per account and UTC day; null is unlimited. */
  callsPerDay: z.int().min(1).max(MAX_INT).nullable(),
  /** Jobs that convert at a time. */
  concurrency: z.int().min(1).max(10_000),
  /** The largest file; null is what the service itself allows. */
  fileBytes: z.int().min(1).nullable(),
  /** Given each month. */
  mediaCredits: z.int().min(0).max(MAX_INT),
  /** Whether the Swayzio API is covered. */
  swayzio: z.boolean(),
});

export type PlanTerms = z.output<typeof terms>;
/** Their names, in the order in which people look for them. */
export const PLAN_TERMS = Object.keys(terms.shape) as (keyof PlanTerms)[];
export type PlanChanges = { [K in keyof PlanTerms]?: PlanTerms[K] | undefined };

/** What an account, or a guest, gets for its money. */
export interface AccountPlan extends PlanTerms {
  _id: string;
}

const GUEST: AccountPlan = {
  _id: 'guest',
  api: false,
  ...dialectTerms(() => false),
  batches: false,
  callbacks: false,
  callsPerMinute: 60,
  callsPerDay: 1000,
  concurrency: 1,
  fileBytes: 100 * 2 ** 20,
  mediaCredits: 0,
  swayzio: false,
};
const FREE: AccountPlan = { ...GUEST, _id: 'free', fileBytes: 250 * 2 ** 20 };
const BASIC: AccountPlan = {
  ...FREE,
  _id: 'basic',
  api: true,
  callsPerDay: 2000,
  concurrency: 2,
  fileBytes: 2 ** 30,
  mediaCredits: 60,
};
const PRO: AccountPlan = {
  ...BASIC,
  _id: 'pro',
  batches: true,
  callbacks: true,
  callsPerMinute: null,
  callsPerDay: null,
  concurrency: 10,
  fileBytes: null,
  mediaCredits: 600,
  swayzio: true,
};
const ENTERPRISE: AccountPlan = { ...PRO, _id: 'enterprise', concurrency: 50, mediaCredits: 6000 };

/** The plans as they are until an operator changes them, from the smallest to the largest. */
export const DEFAULT_PLANS: ReadonlyMap<string, AccountPlan> = new Map(
  [GUEST, FREE, BASIC, PRO, ENTERPRISE].map((plan) => [
    plan._id,
    { ...plan, ...dialectTerms(({ plans }) => plans.includes(plan._id)) },
  ]),
);

/** The plan of whoever has no account. */
export const GUEST_PLAN = GUEST._id;

export function planIdOf(caller: Caller): string {
  return caller.kind === 'account' ? caller.plan : GUEST_PLAN;
}

/** @throws KilnError INVALID_INPUT that names the first term that is unknown or out of range. */
export function parsePlanChanges(changes: unknown): PlanChanges {
  const result = terms.partial().safeParse(changes);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = issue?.code === 'unrecognized_keys' ? issue.keys[0] : issue?.path.join('.');
  throw new KilnError('INVALID_INPUT', `This is no valid term of a plan: ${issue?.message}.`, {
    ...(field && { field }),
    hint: hintAmong(PLAN_TERMS, field),
  });
}

/** The rules that may stand in the way of a request. */
export const POLICY_RULES: Readonly<Record<PolicyRule, string>> = {
  API_ACCESS: 'The plan does not include the API.',
  ...(Object.fromEntries(
    DIALECT_PLAN_RULES.map(({ rule, product }) => [
      rule,
      `The plan does not include keyed calls of the ${product} API.`,
    ]),
  ) as Record<DialectRule, string>),
  SCOPE: 'The credential lacks a scope.',
  CALLBACKS: 'The plan does not include callbacks.',
  BATCHES: 'The plan does not include batches.',
  FILE_SIZE: 'The file is larger than the plan, or the service, allows.',
  CONVERSION: 'Kiln cannot convert that.',
  CALLS_PER_MINUTE: 'The calls of the last sixty seconds are used up.',
  CALLS_PER_DAY: 'The calls of this UTC day are used up.',
};
export type PolicyRule =
  | DialectRule
  | 'API_ACCESS'
  | 'SCOPE'
  | 'CALLBACKS'
  | 'BATCHES'
  | 'FILE_SIZE'
  | 'CONVERSION'
  | 'CALLS_PER_MINUTE'
  | 'CALLS_PER_DAY';

/** A rule that says no, and what would help. */
export interface PolicyRefusal {
  rule: PolicyRule;
  code: ErrorCode;
  message: string;
  field?: string;
  hint?: string;
}

const UPGRADE = 'Upgrade the account to a larger plan; the query `plans` says what each includes.';

/** Why the plan does not let this credential in; null when it does. */
export function accessRefusal(
  plan: AccountPlan,
  { caller, api }: { caller: Caller; api: Dialect },
): PolicyRefusal | null {
  if (caller.kind !== 'account' || caller.via !== 'key') return null;
  if (!plan.api) {
    const message = `The API is not part of the ${plan._id} plan.`;
    return { rule: 'API_ACCESS', code: 'FORBIDDEN', message, hint: UPGRADE };
  }
  const { plan: restriction, product } = DIALECTS[api];
  if (restriction === null || plan[restriction.term as DialectTerm]) return null;
  const { rule, hint } = restriction;
  const message = `The ${product} API is not part of the ${plan._id} plan.`;
  return { rule: rule as DialectRule, code: 'FORBIDDEN', message, hint };
}

/** A value for each term that is about one dialect. */
function dialectTerms<Value>(
  value: (rule: (typeof DIALECT_PLAN_RULES)[number]) => Value,
): Record<DialectTerm, Value> {
  return Object.fromEntries(DIALECT_PLAN_RULES.map((rule) => [rule.term, value(rule)])) as Record<
    DialectTerm,
    Value
  >;
}

/** What a request asks of a plan. */
export interface PlanDemands {
  callback: boolean;
  batch: boolean;
  /** Bytes of the file that will be sent; undefined when it is there already. */
  size: number | undefined;
}

/** Every rule of the plan that a request breaks. `serviceBytes` is the limit of the service itself. */
export function planRefusals(
  plan: AccountPlan,
  { callback, batch, size }: PlanDemands,
  serviceBytes: number,
): PolicyRefusal[] {
  const refusals: PolicyRefusal[] = [];
  if (callback && !plan.callbacks) {
    const message = `Callbacks are not part of the ${plan._id} plan.`;
    refusals.push({ rule: 'CALLBACKS', code: 'FORBIDDEN', message, field: 'callbackUrl', hint: UPGRADE });
  }
  if (batch && !plan.batches) {
    const message = `Batches are not part of the ${plan._id} plan.`;
    refusals.push({ rule: 'BATCHES', code: 'FORBIDDEN', message, hint: UPGRADE });
  }
  const most = Math.min(serviceBytes, plan.fileBytes ?? serviceBytes);
  if (size !== undefined && size > most) {
    const isOfPlan = most < serviceBytes;
    const message = isOfPlan
      ? `The file has ${size} bytes; the ${plan._id} plan allows ${most}.`
      : `The file has ${size} bytes; at most ${most} are allowed.`;
    const hint = isOfPlan ? UPGRADE : raisedBy('KILN_LIMIT_UPLOAD_BYTES');
    refusals.push({ rule: 'FILE_SIZE', code: 'TOO_LARGE', message, field: 'size', hint });
  }
  return refusals;
}

/** Turns a refusal into the error that a caller gets who asks nevertheless. */
export function refuse({ code, message, field, hint }: PolicyRefusal): KilnError {
  return new KilnError(code, message, {
    ...(field !== undefined && { field }),
    ...(hint !== undefined && { hint }),
  });
}
