import { setCurrentDetails } from '@temporalio/workflow';
import { transfer } from './proxies.ts';

/** Gives every account the credits of its plan, once a month however often it runs. */
export async function monthlyGrant(): Promise<void> {
  const month = new Date().toISOString().slice(0, 7);
  setCurrentDetails(`- month: ${month}`);
  for (let after: string | null = ''; after !== null; ) {
    const page: { next: string | null } = await transfer(`credits of ${month}`).grantMonth({ month, after });
    after = page.next;
  }
}
