/** Single jobs go before those of batches. */
export type Queue = 'single' | 'batch';
export const QUEUES: readonly Queue[] = ['single', 'batch'];

/**
 * A queue, as far as the admission itself knows it: jobs stand at numbers from `head` on, each in a
 * document of its own, so that the admission stays small however many wait.
 */
export interface QueueState {
  /** The number whose turn is next. */
  head: number;
  /** How many numbers from `head` on are given out. Some of those who took them may have left. */
  waiting: number;
}

/**
 * The jobs of one concurrency key that have not ended. The key says whom a plan's concurrency counts
 * for: an account, or the guests of one address.
 */
export interface Admission {
  _id: string;
  /** Wait for their upload, oldest first. */
  open: string[];
  /** Convert, or are about to. */
  active: string[];
  /** Could convert, but for the plan; first come, first served. */
  single: QueueState;
  /** The same for jobs of batches, which let every single job pass. */
  batch: QueueState;
  /** When to look for jobs that ended or were let in without anybody hearing of it. */
  checkAt: Date;
  /** `seq` when it was last seen with nothing in it. */
  idleSeq?: number;
  /** Counts changes, so that what was decided on an older state is not written. */
  seq: number;
}

/** A number in a queue. */
export interface Ticket {
  concurrencyKey: string;
  queue: Queue;
  number: number;
}

/** An admission in which nothing happens. Its numbers begin behind all that an earlier one of its key gave out. */
export function emptyAdmission(id: string, now: number, checkAt: Date): Admission {
  const line = { head: now * 1000, waiting: 0 };
  return { _id: id, open: [], active: [], single: line, batch: { ...line }, checkAt, seq: 0 };
}

/** The next `count` numbers whose turn it is: single jobs first. */
export function nextTickets({ _id: concurrencyKey, single, batch }: Admission, count: number): Ticket[] {
  const from = (queue: Queue, { head, waiting }: QueueState, most: number) =>
    Array.from({ length: Math.min(waiting, most) }, (_, i) => ({ concurrencyKey, queue, number: head + i }));
  const singles = from('single', single, count);
  return [...singles, ...from('batch', batch, count - singles.length)];
}

/** Whether anybody holds a number. */
export function hasQueue({ single, batch }: Pick<Admission, 'single' | 'batch'>): boolean {
  return single.waiting > 0 || batch.waiting > 0;
}

/** Whether no job converts, waits or awaits its upload. */
export function isIdle({ open, active, single, batch }: Admission): boolean {
  return open.length === 0 && active.length === 0 && !hasQueue({ single, batch });
}

/**
 * How many numbers come before this one, and one: 1 is next. Numbers of jobs that have left count until
 * their turn has passed, so this is the highest that its position can be. Null for a number whose turn has passed.
 */
export function positionOf(admission: Pick<Admission, 'single' | 'batch'>, ticket: Ticket): number | null {
  const ahead = ticket.number - admission[ticket.queue].head;
  if (ahead < 0) return null;
  return ahead + 1 + (ticket.queue === 'batch' ? admission.single.waiting : 0);
}

/** Who stands at a number of a queue. */
export interface Waiter {
  /** `<concurrency key>:<queue>:<number>`: found by its number, never by a search. */
  _id: string;
  /** Absent where the turn has come before the job: whoever comes too late finds its number taken. */
  jobId?: string;
}
