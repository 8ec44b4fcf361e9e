import { type AccountPlan, DEFAULT_PLANS, type PlanTerms } from '../domain/access/account-plan.ts';
import { type Collections, insertIfAbsent, translateErrors } from './mongo/mongo.ts';

export type PlanRepository = ReturnType<typeof createPlanRepository>;

/** The plans as an operator has set them. */
export function createPlanRepository({ plans }: Pick<Collections, 'plans'>) {
  return translateErrors({
    /** Writes down the plans that are not there yet; what was changed stays as it is. */
    async seed(): Promise<void> {
      for (const plan of DEFAULT_PLANS.values()) await insertIfAbsent(plans, plan);
    },

    /** A term that is newer than the stored plan has its default. */
    async list(): Promise<AccountPlan[]> {
      const stored = new Map((await plans.find().toArray()).map((plan) => [plan._id, plan]));
      return [...DEFAULT_PLANS.values()].map((plan) => ({ ...plan, ...stored.get(plan._id) }));
    },

    async change(id: string, changes: Partial<PlanTerms>): Promise<void> {
      await plans.updateOne({ _id: id }, { $set: changes });
    },
  });
}
