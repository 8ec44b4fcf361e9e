import type { Capabilities } from '../src/app.ts';
import { whileHeartbeating } from './heartbeat.ts';

/** How many accounts one call looks at. */
const PAGE = 500;

export interface GrantPage {
  /** Such as `2026-11`. */
  month: string;
  /** The last account of the page before. */
  after: string;
}

/** Gives each account of a page the credits of its plan for the month, unless it has had them. */
export function createGrantMonth({ credits, ledger, monthlyCreditsOf, noteGranted }: Capabilities) {
  return ({ month, after }: GrantPage): Promise<{ next: string | null }> =>
    whileHeartbeating(async () => {
      const accounts = await credits.list(after, PAGE);
      for (const { _id: accountId, plan } of accounts) {
        const amount = await monthlyCreditsOf(plan);
        if (amount === 0) continue;
        await credits.grant({ accountId, kind: 'monthly', run: month, amount });
        await ledger.drain(accountId);
        await noteGranted(accountId);
      }
      return { next: accounts.length === PAGE ? (accounts.at(-1)?._id ?? null) : null };
    });
}
