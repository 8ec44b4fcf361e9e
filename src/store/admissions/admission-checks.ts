import type { Filter } from 'mongodb';
import { type Admission, QUEUES } from '../../domain/jobs/admission.ts';
import { type Collections, translateErrors } from '../mongo/mongo.ts';
import { upgradeAdmission } from './admission-upgrade.ts';
import { createWaiters } from './waiters.ts';

export type AdmissionChecks = ReturnType<typeof createAdmissionChecks>;

/** Which admissions are to be looked at, found by an index: those in which nothing happens cost nothing. */
export function createAdmissionChecks({
  admissions,
  waiters: collection,
}: Pick<Collections, 'admissions' | 'waiters'>) {
  const waiters = createWaiters({ waiters: collection });

  return translateErrors({
    /** Admissions whose time to be looked at has come, the longest due first. */
    async listDue(now: Date, limit: number): Promise<Admission[]> {
      // Documents from before there was such a time have none.
      const due: Filter<Admission> = { $or: [{ checkAt: { $lte: now } }, { checkAt: { $exists: false } }] };
      const found = await admissions.find(due, { sort: { checkAt: 1 }, limit }).toArray();
      const upgraded = await Promise.all(
        found.map((stored) => upgradeAdmission({ admissions, waiters }, stored)),
      );
      return upgraded.filter((admission) => admission !== null);
    },

    /** Puts the next look at these off. */
    async postpone(ids: readonly string[], checkAt: Date): Promise<void> {
      await admissions.updateMany({ _id: { $in: [...ids] } }, { $set: { checkAt } });
    },

    /** Notes that an admission was seen with nothing in it, unless something has happened since. */
    async noteIdle(admission: Admission, checkAt: Date): Promise<void> {
      const { _id, seq } = admission;
      await waiters.clear(admission, QUEUES);
      await admissions.updateOne({ _id, seq }, { $set: { checkAt, idleSeq: seq } });
    },

    /** Forgets an admission in which nothing happens, unless something has happened since it was read. */
    async forget(admission: Admission): Promise<void> {
      const { _id, seq } = admission;
      await waiters.clear(admission, QUEUES);
      await admissions.deleteOne({ _id, seq });
    },
  });
}
