import { DEFAULT_PLANS } from '../src/domain/access/account-plan.ts';
import type { CreditRepository } from '../src/store/credits.ts';
import type { LedgerRepository } from '../src/store/ledger.ts';
import { whileHeartbeating } from './heartbeat.ts';

/** Accounts that one call grants credits to. */
const PAGE = 500;

export interface GrantPage {
  /** Such as `2026-11`. */
  month: string;
  /** Passed on unchanged; earlier versions kept the last account of a page in it. */
  after: string;
}

export interface GrantMonthPorts {
  credits: Pick<CreditRepository, 'grant' | 'noteMonth' | 'listWithoutMonth'>;
  ledger: Pick<LedgerRepository, 'drain'>;
  /** The media credits that a plan includes each month. */
  monthlyCreditsOf(plan: string): Promise<number>;
  /** Called after each grant: clears the mark of an account that has enough credits again. */
  noteGranted(accountId: string): Promise<void>;
}

/**
 * Builds `grantMonth`, which grants up to 500 accounts the credits of their plan for a month, and returns `next`,
 * null when no account is left. An index finds the accounts that have not had them.
 */
export function createGrantMonth({ credits, ledger, monthlyCreditsOf, noteGranted }: GrantMonthPorts) {
  async function grantTo(accountId: string, month: string, amount: number): Promise<void> {
    await credits.grant({ accountId, kind: 'monthly', run: month, amount });
    await ledger.drain(accountId);
    await noteGranted(accountId);
    // Last: until then the account is found again.
    await credits.noteMonth(accountId, month);
  }

  /** Grants at most `most` accounts of a plan their credits. Returns how many. */
  async function grantPlan(plan: string, month: string, most: number): Promise<number> {
    const amount = await monthlyCreditsOf(plan);
    if (amount === 0 || most === 0) return 0;
    const accounts = await credits.listWithoutMonth(plan, month, most);
    for (const accountId of accounts) await grantTo(accountId, month, amount);
    return accounts.length;
  }

  return ({ month, after }: GrantPage): Promise<{ next: string | null }> =>
    whileHeartbeating(async () => {
      let left = PAGE;
      for (const plan of DEFAULT_PLANS.keys()) left -= await grantPlan(plan, month, left);
      // Whoever has had the credits is not found again, so the next page needs no place to begin at.
      return { next: left === 0 ? after : null };
    });
}
