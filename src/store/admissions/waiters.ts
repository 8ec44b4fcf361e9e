import type { Admission, Queue, Ticket, Waiter } from '../../domain/jobs/admission.ts';
import { hasOnlyDuplicateKeys, isDuplicateKey } from '../mongo/driver-errors.ts';
import type { Collections } from '../mongo/mongo.ts';

/** As long as the largest number that is exact. */
const DIGITS = 16;

export type Waiters = ReturnType<typeof createWaiters>;

/** The queues: one small document for each job that waits. */
export function createWaiters({ waiters }: Pick<Collections, 'waiters'>) {
  async function jobsAt(tickets: readonly Ticket[]): Promise<Map<string, string | null>> {
    const found = await waiters.find({ _id: { $in: tickets.map(idOf) } }).toArray();
    return new Map(found.map(({ _id, jobId }) => [_id, jobId ?? null]));
  }

  return {
    /** @returns whether the job stands there now; false when the number is closed or the job stands elsewhere. */
    async enqueue(ticket: Ticket, jobId: string): Promise<boolean> {
      try {
        await waiters.insertOne({ _id: idOf(ticket), jobId });
        return true;
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        return (await waiters.findOne({ _id: idOf(ticket) }))?.jobId === jobId;
      }
    },

    /** The same for many at a time. @returns whether all stand there; those that do not may stand elsewhere. */
    async enqueueAll(tickets: readonly Ticket[], jobIds: readonly string[]): Promise<boolean> {
      const documents = tickets.map((ticket, i) => ({ _id: idOf(ticket), jobId: jobIds[i] ?? '' }));
      return insertFree(documents);
    },

    /** Where these jobs stand, as far as they stand anywhere. */
    async find(jobIds: readonly string[]): Promise<Map<string, Ticket>> {
      if (jobIds.length === 0) return new Map();
      const only = jobIds.length === 1 ? (jobIds[0] ?? '') : { $in: [...jobIds] };
      const found = await waiters.find({ jobId: only }).toArray();
      return new Map(found.map(({ _id, jobId }) => [jobId ?? '', ticketOf(_id)]));
    },

    /**
     * Who stands at each of these numbers whose turn has come; null where nobody does. From then on nobody
     * can: the number of a job that left, or has not arrived, is closed.
     */
    async call(tickets: readonly Ticket[]): Promise<(string | null)[]> {
      let jobs = await jobsAt(tickets);
      const empty = tickets.filter((ticket) => !jobs.has(idOf(ticket)));
      if (empty.length > 0) {
        await insertFree(empty.map((ticket) => ({ _id: idOf(ticket) })));
        jobs = await jobsAt(tickets);
      }
      return tickets.map((ticket) => jobs.get(idOf(ticket)) ?? null);
    },

    /** Returns how many jobs stand at numbers from `from` on, before `to`: both are of one queue. */
    count: (from: Ticket, to: Ticket): Promise<number> =>
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
        const end = { concurrencyKey: admission._id, queue, number: admission[queue].head };
        await waiters.deleteMany({ _id: { $gte: idOf({ ...end, number: 0 }), $lt: idOf(end) } });
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

function idOf({ concurrencyKey, queue, number }: Ticket): string {
  return `${concurrencyKey}:${queue}:${String(number).padStart(DIGITS, '0')}`;
}

function ticketOf(id: string): Ticket {
  const [ticket = '', queue = '', ...concurrencyKey] = id.split(':').reverse();
  return {
    concurrencyKey: concurrencyKey.reverse().join(':'),
    queue: queue as Queue,
    number: Number(ticket),
  };
}
