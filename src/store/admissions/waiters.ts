import type { Admission, Place, Queue, Waiter } from '../../domain/jobs/admission.ts';
import { hasOnlyDuplicateKeys, isDuplicateKey } from '../mongo/driver-errors.ts';
import type { Collections } from '../mongo/mongo.ts';

/** As long as the largest number that is exact. */
const DIGITS = 16;

export type Waiters = ReturnType<typeof createWaiters>;

/** The queues: one small document for each job that waits. */
export function createWaiters({ waiters }: Pick<Collections, 'waiters'>) {
  async function jobsAt(places: readonly Place[]): Promise<Map<string, string | null>> {
    const found = await waiters.find({ _id: { $in: places.map(idOf) } }).toArray();
    return new Map(found.map(({ _id, jobId }) => [_id, jobId ?? null]));
  }

  return {
    /** @returns whether the job stands there now; false when the number is closed or the job stands elsewhere. */
    async stand(place: Place, jobId: string): Promise<boolean> {
      try {
        await waiters.insertOne({ _id: idOf(place), jobId });
        return true;
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        return (await waiters.findOne({ _id: idOf(place) }))?.jobId === jobId;
      }
    },

    /** The same for many at a time. @returns whether all stand there; those that do not may stand elsewhere. */
    async standAll(places: readonly Place[], jobIds: readonly string[]): Promise<boolean> {
      const documents = places.map((place, i) => ({ _id: idOf(place), jobId: jobIds[i] ?? '' }));
      return insertFree(documents);
    },

    /** Where these jobs stand, as far as they stand anywhere. */
    async find(jobIds: readonly string[]): Promise<Map<string, Place>> {
      if (jobIds.length === 0) return new Map();
      const only = jobIds.length === 1 ? (jobIds[0] ?? '') : { $in: [...jobIds] };
      const found = await waiters.find({ jobId: only }).toArray();
      return new Map(found.map(({ _id, jobId }) => [jobId ?? '', placeOf(_id)]));
    },

    /**
     * Who stands at each of these numbers whose turn has come; null where nobody does. From then on nobody
     * can: the number of a job that left, or has not arrived, is closed.
     */
    async call(places: readonly Place[]): Promise<(string | null)[]> {
      let jobs = await jobsAt(places);
      const empty = places.filter((place) => !jobs.has(idOf(place)));
      if (empty.length > 0) {
        await insertFree(empty.map((place) => ({ _id: idOf(place) })));
        jobs = await jobsAt(places);
      }
      return places.map((place) => jobs.get(idOf(place)) ?? null);
    },

    /** Returns how many jobs stand at numbers from `from` on, before `to`: both are of one queue. */
    count: (from: Place, to: Place): Promise<number> =>
      waiters.countDocuments({ _id: { $gte: idOf(from), $lt: idOf(to) }, jobId: { $type: 'string' } }),

    /** Takes jobs out of the queue. */
    async forget(jobIds: readonly string[]): Promise<void> {
      if (jobIds.length > 0) await waiters.deleteMany({ jobId: { $in: [...jobIds] } });
    },

    /**
     * Clears the numbers of these queues whose turn has passed: all of them, since a process may have died before
     * it cleared its own.
     */
    async clear(admission: Admission, queues: Iterable<Queue>): Promise<void> {
      for (const queue of queues) {
        const end = { concurrencyKey: admission._id, queue, ticket: admission[queue].head };
        await waiters.deleteMany({ _id: { $gte: idOf({ ...end, ticket: 0 }), $lt: idOf(end) } });
      }
    },
  };

  /** Inserts what finds its number and its job free; the others stay as they are. @returns whether all did. */
  async function insertFree(documents: readonly Waiter[]): Promise<boolean> {
    if (documents.length === 0) return false;
    try {
      await waiters.insertMany([...documents], { ordered: false });
      return true;
    } catch (error) {
      if (!hasOnlyDuplicateKeys(error)) throw error;
      return false;
    }
  }
}

function idOf({ concurrencyKey, queue, ticket }: Place): string {
  return `${concurrencyKey}:${queue}:${String(ticket).padStart(DIGITS, '0')}`;
}

function placeOf(id: string): Place {
  const [ticket = '', queue = '', ...concurrencyKey] = id.split(':').reverse();
  return {
    concurrencyKey: concurrencyKey.reverse().join(':'),
    queue: queue as Queue,
    ticket: Number(ticket),
  };
}
