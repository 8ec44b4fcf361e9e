/** Runs work of single jobs at once, and work of batches when little else runs. */
export interface WorkOrder {
  single<T>(work: () => Promise<T>): Promise<T>;
  /**
   * Waits until fewer than `maxConcurrent` run, and up to `maxDelayMs` for single jobs. Throws the reason when
   * aborted.
   */
  batch<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

interface WorkOrderOptions {
  /** How many jobs of batches run at a time. */
  maxConcurrent: number;
  /** Milliseconds that a batch's job waits at most for single jobs, however many come. */
  maxDelayMs?: number;
  /** Milliseconds after a single job's work that count as part of it. */
  graceMs?: number;
}

const MAX_DELAY_MS = 2000;
/** Time for what follows a conversion, which is quick unless other work begins at that moment. */
const GRACE_MS = 40;

/** Pause between two jobs of a batch, in which the process answers single requests first. */
const REST_MS = 12;

interface Waiting {
  begin(): void;
  since: number;
}

/** Creates the order of work within one process; between processes the task queues have priorities. */
export function createWorkOrder({
  maxConcurrent,
  maxDelayMs = MAX_DELAY_MS,
  graceMs = GRACE_MS,
}: WorkOrderOptions): WorkOrder {
  const queue: Waiting[] = [];
  let singles = 0;
  let batches = 0;
  let timer: NodeJS.Timeout | undefined;

  function startNext(): void {
    for (let next = queue[0]; next && batches < maxConcurrent; next = queue[0]) {
      const delayMs = next.since + maxDelayMs - performance.now();
      if (singles > 0 && delayMs > 0) {
        wakeIn(delayMs);
        return;
      }
      queue.shift();
      batches += 1;
      next.begin();
    }
  }

  function wakeIn(ms: number): void {
    clearTimeout(timer);
    timer = setTimeout(startNext, ms);
    timer.unref();
  }

  function acquire(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting = { begin: resolve, since: performance.now() };
    const leave = () => {
      const at = queue.indexOf(waiting);
      if (at >= 0) queue.splice(at, 1);
      reject(signal.reason);
    };
    signal.addEventListener('abort', leave, { once: true });
    queue.push(waiting);
    startNext();
    return promise.finally(() => signal.removeEventListener('abort', leave));
  }

  return {
    async single(work) {
      singles += 1;
      try {
        return await work();
      } finally {
        setTimeout(() => {
          singles -= 1;
          startNext();
        }, graceMs);
      }
    },

    async batch(work, signal) {
      signal.throwIfAborted();
      await acquire(signal);
      try {
        return await work();
      } finally {
        setTimeout(() => {
          batches -= 1;
          startNext();
        }, REST_MS);
      }
    },
  };
}
