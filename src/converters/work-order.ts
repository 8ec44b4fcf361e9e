/** Runs work of jobs that somebody waits for at once, and work of batches when there is room for it. */
export interface WorkOrder {
  single<T>(work: () => Promise<T>): Promise<T>;
  /** Waits for a place, and lets single jobs pass for a while; leaves the queue when aborted. */
  batch<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

export interface WorkOrderOptions {
  /** Jobs of batches that work at a time. */
  batchPlaces: number;
  /** Milliseconds for which a batch stands back: however many single jobs come, it gets on. */
  patienceMs?: number;
  /** Milliseconds after the work of a single job for which a batch stands back as well. */
  graceMs?: number;
}

const PATIENCE_MS = 2000;
/** What follows on a conversion is quick, unless something else is begun at that very moment. */
const GRACE_MS = 40;

/** Between two jobs of a batch the process gets its breath: whoever comes alone is answered first. */
const REST_MS = 12;

interface Waiting {
  begin(): void;
  since: number;
}

/** The order of work within one process; between processes the task queues have priorities of their own. */
export function createWorkOrder({
  batchPlaces,
  patienceMs = PATIENCE_MS,
  graceMs = GRACE_MS,
}: WorkOrderOptions): WorkOrder {
  const queue: Waiting[] = [];
  let singles = 0;
  let batches = 0;
  let timer: NodeJS.Timeout | undefined;

  function admit(): void {
    for (let next = queue[0]; next && batches < batchPlaces; next = queue[0]) {
      const patient = next.since + patienceMs - performance.now();
      if (singles > 0 && patient > 0) {
        lookAgainIn(patient);
        return;
      }
      queue.shift();
      batches += 1;
      next.begin();
    }
  }

  function lookAgainIn(ms: number): void {
    clearTimeout(timer);
    timer = setTimeout(admit, ms);
    timer.unref();
  }

  function place(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting = { begin: resolve, since: performance.now() };
    const leave = () => {
      const at = queue.indexOf(waiting);
      if (at >= 0) queue.splice(at, 1);
      reject(signal.reason);
    };
    signal.addEventListener('abort', leave, { once: true });
    queue.push(waiting);
    admit();
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
          admit();
        }, graceMs);
      }
    },

    async batch(work, signal) {
      signal.throwIfAborted();
      await place(signal);
      try {
        return await work();
      } finally {
        setTimeout(() => {
          batches -= 1;
          admit();
        }, REST_MS);
      }
    },
  };
}
