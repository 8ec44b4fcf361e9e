import { ScheduleAlreadyRunning, type ScheduleOptions, ScheduleOverlapPolicy } from '@temporalio/client';
import type { Temporal } from './connect.ts';
import { queuesOf } from './queues.ts';

export interface ScheduledOptions {
  queuePrefix: string;
  /** Between two sweeps of what has had its time. */
  sweepMs: number;
}

/** What runs by the clock, and a schedule of which installation it is. */
interface Clockwork {
  scheduleId: string;
  workflowType: 'monthlyGrant' | 'retentionSweep';
  everyMs: number;
}

const HOUR_MS = 3_600_000;

/** The id of the schedule that gives accounts their monthly credits. */
export function monthlyGrantId(queuePrefix: string): string {
  return `${queuePrefix}-monthly-grant`;
}

/** The id of the schedule that removes what has had its time. */
export function retentionSweepId(queuePrefix: string): string {
  return `${queuePrefix}-retention-sweep`;
}

/**
 * Makes sure of what runs by the clock. The grant runs every hour, not every month: it gives once a month
 * in any case, and an account that is made today does not wait until the first.
 */
export async function ensureSchedules(
  temporal: Temporal,
  { queuePrefix, sweepMs }: ScheduledOptions,
): Promise<void> {
  const { jobs } = queuesOf(queuePrefix);
  const grant = { scheduleId: monthlyGrantId(queuePrefix), everyMs: HOUR_MS };
  const sweep = { scheduleId: retentionSweepId(queuePrefix), everyMs: sweepMs };
  await ensure(temporal, jobs, { ...grant, workflowType: 'monthlyGrant' });
  await ensure(temporal, jobs, { ...sweep, workflowType: 'retentionSweep' });
}

/** Makes the schedule, or gives the one that is there the interval that is configured now. */
async function ensure({ client }: Temporal, taskQueue: string, clockwork: Clockwork): Promise<void> {
  try {
    await client.schedule.create(optionsOf(taskQueue, clockwork));
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    const schedule = client.schedule.getHandle(clockwork.scheduleId);
    const { spec } = await schedule.describe();
    if (spec.intervals?.length === 1 && Number(spec.intervals[0]?.every) === clockwork.everyMs) return;
    await schedule.update((previous) => ({
      ...previous,
      spec: { intervals: [{ every: clockwork.everyMs }] },
    }));
  }
}

function optionsOf(taskQueue: string, { scheduleId, workflowType, everyMs }: Clockwork): ScheduleOptions {
  return {
    scheduleId,
    spec: { intervals: [{ every: everyMs }] },
    // What was missed while nothing ran is made up for by one run: it does all that there is to do.
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: everyMs },
    action: { type: 'startWorkflow', workflowType, workflowId: scheduleId, taskQueue, args: [] },
    state: { triggerImmediately: true },
  };
}
