import { setCurrentDetails } from '@temporalio/workflow';
import { attempting } from './attempts.ts';
import { transfer } from './proxies.ts';

/** Gives every account the credits of its plan, once a month however often it runs. */
export async function monthlyGrant(): Promise<void> {
  const month = new Date().toISOString().slice(0, 7);
  setCurrentDetails(`- month: ${month}`);
  for (let after: string | null = ''; after !== null; ) {
    const input = { month, after };
    const page: { next: string | null } = await attempting(() =>
      transfer(`credits of ${month}`).grantMonth(input),
    );
    after = page.next;
  }
}
