import { Context } from '@temporalio/activity';

const HEARTBEAT_MS = 1000;

/**
 * Runs `work` and sends Temporal a heartbeat every second meanwhile. Without heartbeats Temporal would take the
 * worker for dead; it also answers them with a cancellation.
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
