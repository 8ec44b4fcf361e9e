import { Context } from '@temporalio/activity';

const HEARTBEAT_MS = 1000;

/**
 * Shows Temporal that this attempt lives while `work` runs, however long it queues or computes.
 * Silence means a killed worker; a cancellation travels back with a beat.
 */
export async function whileHeartbeating<T>(work: () => Promise<T>): Promise<T> {
  const { heartbeat } = Context.current();
  const timer = setInterval(() => heartbeat(), HEARTBEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
