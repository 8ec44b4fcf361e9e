import { continueAsNew, patched, setCurrentDetails } from '@temporalio/workflow';
import type { GrantPage } from '../activities/grant-month.ts';
import { transfer } from './proxies.ts';

/** Pages of accounts, after which the workflow continues as new. */
const PAGES = 100;

/**
 * Grants every account the credits of its plan, once a month however often this runs.
 * @param from where an earlier run of the same month stopped.
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
