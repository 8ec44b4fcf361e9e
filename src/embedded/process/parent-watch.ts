const POLL_MS = 500;

/**
 * Calls `onGone` once when the process that started this one has ended, which shows by another parent's
 * pid (looked at every 500 ms). Never calls it in a process that init started.
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
