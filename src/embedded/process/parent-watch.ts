const POLL_MS = 500;

/**
 * Calls `onGone` once, when the process that started this one has ended: its children are then
 * handed to another parent. A process that init started keeps that parent for good.
 */
export function watchParent(onGone: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onGone();
  }, POLL_MS);
  timer.unref();
}
