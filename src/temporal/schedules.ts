import { ScheduleAlreadyRunning, ScheduleOverlapPolicy } from '@temporalio/client';
import type { monthlyGrant } from '../../workflows/monthly-grant.ts';
import type { Temporal } from './connect.ts';
import { queuesOf } from './queues.ts';

/** The id of the schedule that gives accounts their monthly credits. */
export function monthlyGrantId(queuePrefix: string): string {
  return `${queuePrefix}-monthly-grant`;
}

/**
 * Makes sure of what runs by the clock. The grant runs every hour, not every month: it gives once a month
 * in any case, and an account that is made today does not wait until the first.
 */
export async function ensureSchedules({ client }: Temporal, queuePrefix: string): Promise<void> {
  const scheduleId = monthlyGrantId(queuePrefix);
  try {
    await client.schedule.create<typeof monthlyGrant>({
      scheduleId,
      spec: { intervals: [{ every: '1h' }] },
      policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1h' },
      action: {
        type: 'startWorkflow',
        workflowType: 'monthlyGrant',
        workflowId: scheduleId,
        taskQueue: queuesOf(queuePrefix).jobs,
        args: [],
      },
      state: { triggerImmediately: true },
    });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
  }
}
