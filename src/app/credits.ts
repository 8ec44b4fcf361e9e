import { createCredits } from '../operations/credits/credits.ts';
import { createLowCredits } from '../operations/credits/low-credits.ts';
import { createQuote } from '../operations/credits/quote.ts';
import { createRepairCredits } from '../operations/credits/repair-credits.ts';
import type { Access } from './access.ts';
import type { Infrastructure } from './infrastructure.ts';
import type { Webhooks } from './webhooks.ts';

/** Everything about media credits: what something costs, what an account has, and that it gets low. */
export function creditsSlice(
  shared: Infrastructure,
  { operations: { findPlan } }: { operations: Pick<Access['operations'], 'findPlan'> },
  { emit }: Pick<Webhooks, 'emit'>,
) {
  const { credits, ledger } = shared;
  const monthlyCreditsOf = async (plan: string) => (await findPlan(plan)).mediaCredits;
  const lowCredits = createLowCredits({ ...shared, emit, monthlyCreditsOf });
  return {
    operations: { ...createCredits({ ...shared, ...lowCredits }), quote: createQuote(shared) },
    activityPorts: { credits, ledger, monthlyCreditsOf, ...lowCredits },
    repairs: { credits: createRepairCredits(shared) },
  };
}
