import type { Filter } from 'mongodb';
import { type Admission, emptyLane, isIn, promote } from '../domain/admission.ts';
import { type Collections, insertIfAbsent, translateFaults } from './mongo.ts';

/** A job on its way in. */
export interface Entrant {
  lane: string;
  jobId: string;
  batch: boolean;
  /** How many of the lane may convert at a time. */
  limit: number;
}

/** Jobs of one batch on their way in. */
export interface Entrants extends Pick<Entrant, 'lane' | 'limit'> {
  jobIds: readonly string[];
}

interface Filled {
  lane: Admission;
  /** Jobs that may begin from now on. */
  admitted: string[];
}

export type AdmissionRepository = ReturnType<typeof createAdmissionRepository>;

/** The lanes. Each change is one conditional update of the one document of its lane. */
export function createAdmissionRepository({ admissions }: Pick<Collections, 'admissions'>) {
  const after = { returnDocument: 'after' } as const;

  /** The usual way in: a place is free and nobody was there before. */
  function enterAtOnce({ lane, jobId, batch, limit }: Entrant): Promise<Admission | null> {
    const filter: Filter<Admission> = {
      _id: lane,
      active: { $ne: jobId },
      [`active.${limit - 1}`]: { $exists: false },
      'waiting.0': { $exists: false },
      ...(batch && { 'waitingBatch.0': { $exists: false } }),
    };
    const update = { $pull: { open: jobId }, $push: { active: jobId }, $inc: { seq: 1 } };
    return admissions.findOneAndUpdate(filter, update, after);
  }

  function enterQueue({ lane, jobId, batch }: Entrant): Promise<Admission | null> {
    const queue = batch ? 'waitingBatch' : 'waiting';
    return admissions.findOneAndUpdate(
      { _id: lane, active: { $ne: jobId }, [queue]: { $ne: jobId } },
      { $pull: { open: jobId }, $push: { [queue]: jobId }, $inc: { seq: 1 } },
      after,
    );
  }

  /** Gives free places to those who wait. @returns the lane afterwards, and who got in. */
  async function fill(lane: Admission, limit: number): Promise<Filled> {
    for (let now: Admission | null = lane; now; now = await admissions.findOne({ _id: lane._id })) {
      const promotion = promote(now, limit);
      if (!promotion) return { lane: now, admitted: [] };
      const { admitted, ...lists } = promotion;
      const changed = await admissions.findOneAndUpdate(
        { _id: now._id, seq: now.seq },
        { $set: lists, $inc: { seq: 1 } },
        after,
      );
      if (changed) return { lane: changed, admitted };
    }
    return { lane, admitted: [] };
  }

  return translateFaults({
    find: (lane: string): Promise<Admission | null> => admissions.findOne({ _id: lane }),

    /** Notes jobs that wait for their upload. @returns false when there would be more than `most`. */
    async open(lane: string, jobIds: readonly string[], most: number): Promise<boolean> {
      if (jobIds.length > most) return false;
      const write = async () => {
        const { matchedCount } = await admissions.updateOne(
          { _id: lane, [`open.${most - jobIds.length}`]: { $exists: false } },
          { $push: { open: { $each: [...jobIds] } }, $inc: { seq: 1 } },
        );
        return matchedCount > 0;
      };
      if (await write()) return true;
      await insertIfAbsent(admissions, emptyLane(lane));
      return write();
    },

    /**
     * Lets a job in, or lines it up. May be repeated.
     * @returns the lane then, and all who got in by this call: whoever was let in by another is told by that one.
     */
    async enter(entrant: Entrant): Promise<Filled> {
      const { lane, jobId, limit } = entrant;
      for (;;) {
        const entered = await enterAtOnce(entrant);
        if (entered) return { lane: entered, admitted: [jobId] };
        const found = await admissions.findOne({ _id: lane });
        if (found?.active.includes(jobId)) return { lane: found, admitted: [jobId] };
        const queued = found && isIn(found, jobId) ? found : await enterQueue(entrant);
        if (queued) return fill(queued, limit);
        await insertIfAbsent(admissions, emptyLane(lane));
      }
    },

    /** The same for many jobs of a batch in one write. @returns the lane then, and all who got in by this call. */
    async enterMany({ lane, jobIds, limit }: Entrants): Promise<Filled> {
      for (;;) {
        const found = await admissions.findOne({ _id: lane });
        if (!found) {
          await insertIfAbsent(admissions, emptyLane(lane));
          continue;
        }
        const fresh = jobIds.filter((id) => !isIn(found, id));
        const waitingBatch = [...found.waitingBatch, ...fresh];
        const { admitted, ...lists } = promote({ ...found, waitingBatch }, limit) ?? {
          ...{ admitted: [], active: found.active, waiting: found.waiting, waitingBatch },
        };
        const open = found.open.filter((id) => !fresh.includes(id));
        const changed = await admissions.findOneAndUpdate(
          { _id: lane, seq: found.seq },
          { $set: { ...lists, open }, $inc: { seq: 1 } },
          after,
        );
        if (changed) return { lane: changed, admitted };
      }
    },

    /** Takes jobs out, wherever they are. May be repeated. @returns who got in for them. */
    async leave(lane: string, jobIds: readonly string[], limit: number): Promise<string[]> {
      const $in = [...jobIds];
      const left = await admissions.findOneAndUpdate(
        { _id: lane },
        {
          $pull: { open: { $in }, active: { $in }, waiting: { $in }, waitingBatch: { $in } },
          $inc: { seq: 1 },
        },
        after,
      );
      return left ? (await fill(left, limit)).admitted : [];
    },

    /** Lanes by id, from the one behind `last` on. */
    list: (last: string, limit: number): Promise<Admission[]> =>
      admissions.find({ _id: { $gt: last } }, { sort: { _id: 1 }, limit }).toArray(),

    /** Forgets a lane in which nothing happens, unless something has happened since it was read. */
    async forget({ _id, seq }: Admission): Promise<void> {
      await admissions.deleteOne({ _id, seq });
    },
  });
}
