import type { Admission, Place, Queue } from '../../domain/jobs/admission.ts';
import type { Collections } from '../mongo/mongo.ts';
import type { Waiters } from './waiters.ts';

/** A lane as it was stored when who waits stood in the lane's own document. */
interface OldLane {
  single?: never;
  waiting?: string[];
  waitingBatch?: string[];
}

interface UpgradePorts extends Pick<Collections, 'admissions'> {
  waiters: Pick<Waiters, 'standAll'>;
}

/**
 * Makes a lane what it is today, if it is an old one: who waits gets a number first, then the lists go. A
 * repeat, or somebody who does the same, gives out the same numbers.
 * @returns the lane as it is then; null when there is none any more.
 */
export async function upgradeLane(
  { admissions, waiters }: UpgradePorts,
  stored: Admission | null,
): Promise<Admission | null> {
  for (let found = stored; found; found = await admissions.findOne({ _id: found._id })) {
    if (found.single) return found;
    const { _id: lane, seq, waiting = [], waitingBatch = [] } = found as Omit<Admission, 'single'> & OldLane;
    const numbers = (queue: Queue, jobIds: readonly string[]): Place[] =>
      jobIds.map((_, ticket) => ({ lane, queue, ticket }));
    const places = [...numbers('single', waiting), ...numbers('batch', waitingBatch)];
    if (places.length > 0) await waiters.standAll(places, [...waiting, ...waitingBatch]);
    const upgraded = await admissions.findOneAndUpdate(
      { _id: lane, seq, single: { $exists: false } },
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
