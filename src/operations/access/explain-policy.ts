import { type Caller, includesScope } from '../../domain/access/account.ts';
import {
  type AccountPlan,
  accessRefusal,
  type PlanDemands,
  type PolicyRefusal,
  planRefusals,
} from '../../domain/access/account-plan.ts';
import type { Sender } from '../../domain/access/client-address.ts';
import type { Usage } from '../../domain/access/rate-window.ts';
import { KilnError } from '../../domain/errors.ts';
import { formatOfFilename } from '../../domain/formats/find-format.ts';
import { planConversion, requireTarget } from '../../domain/jobs/plan.ts';
import { parseOptions } from '../../domain/options/image.ts';
import type { Call } from './check-rate-limit.ts';

export interface ExplainPolicyPorts {
  planOf(caller: Caller): Promise<AccountPlan>;
  readUsage(caller: Caller, sender: Sender): Promise<Usage>;
  serviceBytes: number;
}

/** A conversion that somebody thinks of. */
export interface ConsideredRequest extends PlanDemands, Pick<Call, 'api'> {
  filename: string | undefined;
  target: string | undefined;
}

/** Whether a request would be accepted, by every rule that has a say. */
export interface PolicyAnswer {
  plan: AccountPlan;
  usage: Usage;
  refusals: PolicyRefusal[];
}

/** Says which rules would refuse a request, and why, before anything is sent. Asking counts as no call. */
export function createExplainPolicy({ planOf, readUsage, serviceBytes }: ExplainPolicyPorts) {
  return async function explainPolicy(
    caller: Caller,
    sender: Sender,
    request: ConsideredRequest,
  ): Promise<PolicyAnswer> {
    const [plan, usage] = await Promise.all([planOf(caller), readUsage(caller, sender)]);
    const refusals = [
      accessRefusal(plan, { caller, api: request.api }),
      scopeRefusal(caller),
      ...planRefusals(plan, request, serviceBytes),
      conversionRefusal(request),
      ...usageRefusals(usage),
    ].filter((refusal) => refusal !== null);
    return { plan, usage, refusals };
  };
}

function scopeRefusal(caller: Caller): PolicyRefusal | null {
  if (caller.kind !== 'account' || includesScope(caller.scopes, 'convert')) return null;
  const message = 'This credential does not have the scope "convert".';
  return { rule: 'SCOPE', code: 'FORBIDDEN', message, hint: 'Use a key that has it.' };
}

/** The same checks that a real request goes through, with options at rest. */
function conversionRefusal({ filename, target }: ConsideredRequest): PolicyRefusal | null {
  if (target === undefined) return null;
  const source = filename === undefined ? undefined : formatOfFilename(filename)?.id;
  try {
    const format = requireTarget(target);
    const options = parseOptions(format.category, {});
    if (source) planConversion({ source, target: format.id, options });
    return null;
  } catch (error) {
    if (!(error instanceof KilnError)) throw error;
    const { code, message, hint } = error;
    return { rule: 'CONVERSION', code, message, field: 'target', ...(hint !== undefined && { hint }) };
  }
}

function usageRefusals({ perMinute, perDay, usedThisMinute, usedToday }: Usage): PolicyRefusal[] {
  const refusals: PolicyRefusal[] = [];
  if (perMinute !== null && usedThisMinute >= perMinute) {
    const message = `All ${perMinute} calls of the last sixty seconds are used up.`;
    refusals.push({ rule: 'CALLS_PER_MINUTE', code: 'RATE_LIMITED', message, hint: 'Wait a moment.' });
  }
  if (perDay !== null && usedToday >= perDay) {
    const message = `All ${perDay} calls of this UTC day are used up.`;
    refusals.push({ rule: 'CALLS_PER_DAY', code: 'RATE_LIMITED', message, hint: 'Wait for the next day.' });
  }
  return refusals;
}
