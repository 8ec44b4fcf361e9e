import { continueAsNew, patched, setCurrentDetails } from '@temporalio/workflow';
import type { GrantPage } from '../activities/grant-month.ts';
import { transfer } from './proxies.ts';

/** So many pages of accounts are no burden for one history. */
const PAGES = 100;

/**
 * Gives every account the credits of its plan, once a month however often it runs.
 * @param from where an earlier run of the same month has come to.
 */
export async function monthlyGrant(from?: GrantPage): Promise<void> {
  const month = from?.month ?? new Date().toISOString().slice(0, 7);
  setCurrentDetails(`- month: ${month}`);
  let after: string | null = from?.after ?? '';
  for (let pages = 1; after !== null; pages += 1) {
    const page: { next: string | null } = await transfer(`credits of ${month}`).grantMonth({ month, after });
    after = page.next;
    if (after !== null && pages === PAGES && patched('grant-goes-on'))
      await continueAsNew<typeof monthlyGrant>({ month, after });
  }
}
