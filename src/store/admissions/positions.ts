import { type Admission, positionOf, type Queue, type Ticket } from '../../domain/jobs/admission.ts';
import type { Waiters } from './waiters.ts';

/** Builds `truePosition`, which counts those who still wait. */
export function createPositions(waiters: Pick<Waiters, 'count'>) {
  /** Returns how many jobs stand in a queue before a number, that of the last one unless given. */
  function before(admission: Admission, queue: Queue, number?: number): Promise<number> {
    const { head, waiting } = admission[queue];
    const from = { concurrencyKey: admission._id, queue, number: head };
    return waiting === 0
      ? Promise.resolve(0)
      : waiters.count(from, { ...from, number: number ?? head + waiting });
  }

  /**
   * Returns where a number stands among those who still wait: 1 is next. Null when its turn has passed. One that
   * stands behind more than `most` numbers is not counted: those who left are then counted as well.
   */
  return async function truePosition(
    admission: Admission,
    ticket: Ticket,
    most = Number.POSITIVE_INFINITY,
  ): Promise<number | null> {
    const atMost = positionOf(admission, ticket);
    if (atMost === null || atMost === 1 || atMost > most) return atMost;
    const [own, singles] = await Promise.all([
      before(admission, ticket.queue, ticket.number),
      ticket.queue === 'batch' ? before(admission, 'single') : 0,
    ]);
    return 1 + own + singles;
  };
}
