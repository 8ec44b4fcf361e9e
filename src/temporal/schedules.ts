import { ScheduleAlreadyRunning, type ScheduleOptions, ScheduleOverlapPolicy } from '@temporalio/client';
import type { Temporal } from './connect.ts';
import { queuesOf } from './queues.ts';

interface ScheduledOptions {
  queuePrefix: string;
  /** Milliseconds between two retention sweeps. */
  sweepMs: number;
}

/** A workflow that runs at an interval. */
interface ScheduledWorkflow {
  scheduleId: string;
  workflowType: 'monthlyGrant' | 'retentionSweep';
  everyMs: number;
}

const HOUR_MS = 3_600_000;

/** Returns the id of the schedule that gives accounts their monthly credits. */
export function monthlyGrantId(queuePrefix: string): string {
  return `${queuePrefix}-monthly-grant`;
}

/** Returns the id of the schedule that removes what is past its retention. */
export function retentionSweepId(queuePrefix: string): string {
  return `${queuePrefix}-retention-sweep`;
}

/**
 * Creates or updates the schedules. The grant runs every hour: it gives once a month in any case, and so an
 * account that is made today does not wait for the first of the next month.
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

/** Creates a schedule, or sets the interval of an existing one. */
async function ensure({ client }: Temporal, taskQueue: string, scheduled: ScheduledWorkflow): Promise<void> {
  try {
    await client.schedule.create(optionsOf(taskQueue, scheduled));
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    const schedule = client.schedule.getHandle(scheduled.scheduleId);
    const { spec } = await schedule.describe();
    if (spec.intervals?.length === 1 && Number(spec.intervals[0]?.every) === scheduled.everyMs) return;
    await schedule.update((previous) => ({
      ...previous,
      spec: { intervals: [{ every: scheduled.everyMs }] },
    }));
  }
}

function optionsOf(
  taskQueue: string,
  { scheduleId, workflowType, everyMs }: ScheduledWorkflow,
): ScheduleOptions {
  return {
    scheduleId,
    spec: { intervals: [{ every: everyMs }] },
    // One run makes up for all that were missed while nothing ran.
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: everyMs },
    action: { type: 'startWorkflow', workflowType, workflowId: scheduleId, taskQueue, args: [] },
    state: { triggerImmediately: true },
  };
}
