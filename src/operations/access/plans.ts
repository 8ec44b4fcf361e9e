import type { Actor, Caller } from '../../domain/access/account.ts';
import {
  type AccountPlan,
  DEFAULT_PLANS,
  GUEST_PLAN,
  parsePlanChanges,
  planIdOf,
} from '../../domain/access/account-plan.ts';
import { KilnError } from '../../domain/errors.ts';
import { hintAmong } from '../../domain/names.ts';
import type { PlanRepository } from '../../store/plans.ts';
import { createRecent } from '../recent.ts';
import { requireAdmin } from './accounts.ts';

export interface PlansPorts {
  plans: Pick<PlanRepository, 'list' | 'change'>;
  /** Milliseconds for which the plans are believed without looking again. */
  freshMs?: number;
}

/** Well within the five seconds after which a change must count everywhere. */
const FRESH_MS = 2000;
/** They are few, and read together. */
const ALL = 'all';

/** The plans as they are at most two seconds ago, and their changes. */
export function createPlans({ plans, freshMs = FRESH_MS }: PlansPorts) {
  const recent = createRecent(
    async () => new Map((await plans.list()).map((plan) => [plan._id, plan])),
    freshMs,
  );
  const all = (): Promise<ReadonlyMap<string, AccountPlan>> => recent.get(ALL);

  async function findPlan(id: string): Promise<AccountPlan> {
    const plan = (await all()).get(id);
    if (plan) return plan;
    throw new KilnError('NOT_FOUND', 'There is no such plan.', {
      hint: hintAmong([...DEFAULT_PLANS.keys()], id),
    });
  }

  return {
    findPlan,
    listPlans: async (): Promise<AccountPlan[]> => [...(await all()).values()],
    planOf: (caller: Caller): Promise<AccountPlan> => findPlan(planIdOf(caller)),

    /** @throws KilnError NOT_FOUND, or INVALID_INPUT when this is no plan for accounts. */
    async requireAccountPlan(id: string): Promise<void> {
      const plan = await findPlan(id);
      if (plan._id !== GUEST_PLAN) return;
      throw new KilnError('INVALID_INPUT', 'An account cannot have the plan of guests.', {
        field: 'plan',
        hint: `It can have ${[...DEFAULT_PLANS.keys()].filter((name) => name !== GUEST_PLAN).join(', ')}.`,
      });
    },

    /** Changes terms of a plan for everybody who has it, at once. */
    async editPlan(actor: Actor, id: string, changes: unknown): Promise<AccountPlan> {
      requireAdmin(actor);
      const { _id } = await findPlan(id);
      const terms = Object.entries(parsePlanChanges(changes)).filter(([, value]) => value !== undefined);
      if (terms.length > 0) await plans.change(_id, Object.fromEntries(terms));
      recent.forget(ALL);
      return findPlan(_id);
    },
  };
}
