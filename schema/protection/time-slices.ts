/** How long one slice lasts; anything else in this process, such as a probe, waits for a few of them at most. */
const SLICE_MS = 10;

interface Waiting {
  go(): void;
  gone: AbortSignal | undefined;
}

/** Those that wait, by the address that they come from. */
const waiting = new Map<string, Waiting[]>();
let isScheduled = false;
let began = 0;

/**
 * Resolves when it is the caller's turn to use the processor. One slice is granted in each round of the event
 * loop, so sockets and timers are looked at in between, and addresses alternate. A caller whose `gone` is
 * aborted uses none: it resolves along with the next one.
 */
export function acquireSlice(who: string, gone?: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const line = waiting.get(who);
  const mine = { go: resolve, gone };
  if (line) line.push(mine);
  else waiting.set(who, [mine]);
  schedule();
  return promise;
}

/** Resolves at once while the present slice lasts, else with the next one. */
export async function yieldWhenDue(who: string, gone?: AbortSignal): Promise<void> {
  if (!gone?.aborted && performance.now() - began > SLICE_MS) await acquireSlice(who, gone);
}

function schedule(): void {
  if (isScheduled) return;
  isScheduled = true;
  setImmediate(grantSlice);
}

function grantSlice(): void {
  isScheduled = false;
  began = performance.now();
  const [first] = waiting;
  if (!first) return;
  const [who, line] = first;
  waiting.delete(who);
  for (let next = line.shift(); next; next = line.shift()) {
    next.go();
    if (!next.gone?.aborted) break;
  }
  // Behind all others: whoever waits for many slices does not keep those who wait for one.
  if (line.length > 0) waiting.set(who, line);
  if (waiting.size > 0) schedule();
}
