import type { Admission, Queue, Ticket } from '../../domain/jobs/admission.ts';
import type { Collections } from '../mongo/mongo.ts';
import type { Waiters } from './waiters.ts';

/** An admission as it was stored when who waits stood in its own document. */
interface OldAdmission {
  single?: never;
  waiting?: string[];
  waitingBatch?: string[];
}

interface UpgradePorts extends Pick<Collections, 'admissions'> {
  waiters: Pick<Waiters, 'enqueueAll'>;
}

/**
 * Turns a document of an earlier version into one of today: who waits gets a number first, then the lists go. A
 * repeat, or somebody who does the same, gives out the same numbers.
 * @returns the admission as it is then; null when there is none any more.
 */
export async function upgradeAdmission(
  { admissions, waiters }: UpgradePorts,
  stored: Admission | null,
): Promise<Admission | null> {
  for (let found = stored; found; found = await admissions.findOne({ _id: found._id })) {
    if (found.single) return found;
    const {
      _id: concurrencyKey,
      seq,
      waiting = [],
      waitingBatch = [],
    } = found as Omit<Admission, 'single'> & OldAdmission;
    const numbers = (queue: Queue, jobIds: readonly string[]): Ticket[] =>
      jobIds.map((_, number) => ({ concurrencyKey, queue, number }));
    const tickets = [...numbers('single', waiting), ...numbers('batch', waitingBatch)];
    if (tickets.length > 0) await waiters.enqueueAll(tickets, [...waiting, ...waitingBatch]);
    const upgraded = await admissions.findOneAndUpdate(
      { _id: concurrencyKey, seq, single: { $exists: false } },
      {
        $set: {
          single: { head: 0, waiting: waiting.length },
          batch: { head: 0, waiting: waitingBatch.length },
          checkAt: new Date(),
        },
        $unset: { waiting: '', waitingBatch: '' },
        $inc: { seq: 1 },
      },
      { returnDocument: 'after' },
    );
    if (upgraded) return upgraded;
  }
  return null;
}
