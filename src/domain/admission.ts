/**
 * The jobs of one lane that have not ended. A lane is whom limits count for: an account, or the
 * guests of one address.
 */
export interface Admission {
  _id: string;
  /** Wait for their upload. */
  open: string[];
  /** Convert, or are about to. */
  active: string[];
  /** Could convert, but for the plan; first come, first served. */
  waiting: string[];
  /** The same for jobs of batches, which let every single job pass. */
  waitingBatch: string[];
  /** Counts changes, so that lists can be exchanged as a whole. */
  seq: number;
}

/** A lane in which nothing happens. */
export function emptyLane(id: string): Admission {
  return { _id: id, open: [], active: [], waiting: [], waitingBatch: [], seq: 0 };
}

/** What moves when places are free. */
export interface Promotion extends Pick<Admission, 'active' | 'waiting' | 'waitingBatch'> {
  /** The jobs that may begin now. */
  admitted: string[];
}

/** Fills the free places of a lane from its queues; null when nobody can move. */
export function promote(
  { active, waiting, waitingBatch }: Pick<Admission, 'active' | 'waiting' | 'waitingBatch'>,
  limit: number,
): Promotion | null {
  const free = limit - active.length;
  const singles = waiting.slice(0, Math.max(0, free));
  const admitted = [...singles, ...waitingBatch.slice(0, Math.max(0, free - singles.length))];
  if (admitted.length === 0) return null;
  return {
    admitted,
    active: [...active, ...admitted],
    waiting: waiting.slice(singles.length),
    waitingBatch: waitingBatch.slice(admitted.length - singles.length),
  };
}

/** Whether nothing happens in a lane. */
export function isIdle({ open, active, waiting, waitingBatch }: Admission): boolean {
  return [open, active, waiting, waitingBatch].every((jobs) => jobs.length === 0);
}

/** Whether a job has entered, be it to convert or to wait for that. */
export function isIn({ active, waiting, waitingBatch }: Admission, jobId: string): boolean {
  return [active, waiting, waitingBatch].some((jobs) => jobs.includes(jobId));
}

/** How many jobs begin before this one does, and one: 1 is next. Null for a job that does not wait. */
export function positionOf(
  { waiting, waitingBatch }: Pick<Admission, 'waiting' | 'waitingBatch'>,
  jobId: string,
): number | null {
  const index = [...waiting, ...waitingBatch].indexOf(jobId);
  return index < 0 ? null : index + 1;
}
