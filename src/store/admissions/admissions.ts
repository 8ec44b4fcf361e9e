import type { Filter } from 'mongodb';
import {
  type Admission,
  emptyLane,
  hasQueue,
  type Place,
  positionOf,
  type Queue,
} from '../../domain/jobs/admission.ts';
import { type Collections, insertIfAbsent, translateFaults } from '../mongo/mongo.ts';
import { upgradeLane } from './admission-upgrade.ts';
import { createFill, type Filled } from './lane-fill.ts';
import { createWaiters } from './waiters.ts';

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

interface Entered extends Filled {
  /** Where the job stands in line; null when it does not. */
  position: number | null;
}

/** A lane in which something happens is looked at this long after. */
const CHECK_MS = 15_000;

export type AdmissionRepository = ReturnType<typeof createAdmissionRepository>;

/**
 * The lanes. Each change is one conditional update of the one document of its lane; who waits stands in a
 * document of its own. A job takes a number from the lane, then stands at it: if it does not get there, the
 * number is closed when its turn comes.
 */
export function createAdmissionRepository({
  admissions,
  waiters: collection,
}: Pick<Collections, 'admissions' | 'waiters'>) {
  const after = { returnDocument: 'after' } as const;
  const waiters = createWaiters({ waiters: collection });
  const busy = () => ({ $min: { checkAt: new Date(Date.now() + CHECK_MS) } });

  async function read(lane: string): Promise<Admission | null> {
    return upgradeLane({ admissions, waiters }, await admissions.findOne({ _id: lane }));
  }

  const fill = createFill({ admissions, waiters, read });

  async function readOrMake(lane: string): Promise<Admission> {
    for (;;) {
      const found = await read(lane);
      if (found) return found;
      await insertIfAbsent(admissions, emptyLane(lane, Date.now(), new Date(Date.now() + CHECK_MS)));
    }
  }

  /** The usual way in: a place is free and nobody was there before. */
  function enterAtOnce({ lane, jobId, batch, limit }: Entrant): Promise<Admission | null> {
    const filter: Filter<Admission> = {
      _id: lane,
      active: { $ne: jobId },
      [`active.${limit - 1}`]: { $exists: false },
      'single.waiting': 0,
      ...(batch && { 'batch.waiting': 0 }),
    };
    const update = { $pull: { open: jobId }, $push: { active: jobId }, $inc: { seq: 1 }, ...busy() };
    return admissions.findOneAndUpdate(filter, update, after);
  }

  /** Takes the next numbers of a queue for jobs that wait no longer for their upload. */
  async function takeNumbers(lane: string, queue: Queue, jobIds: readonly string[]): Promise<Place[]> {
    const count = jobIds.length;
    const taken = await admissions.findOneAndUpdate(
      { _id: lane },
      {
        $pull: { open: { $in: [...jobIds] } },
        $inc: { [`${queue}.waiting`]: count, seq: 1 },
        ...busy(),
      },
      after,
    );
    if (!taken) return [];
    const { head, waiting } = taken[queue];
    return jobIds.map((_, i) => ({ lane, queue, ticket: head + waiting - count + i }));
  }

  /** The lane, and where a job stands in it. A job that stands where its turn has passed stands nowhere. */
  async function look(lane: string, jobId: string): Promise<{ now: Admission; place: Place | undefined }> {
    const place = (await waiters.find([jobId])).get(jobId);
    const now = await readOrMake(lane);
    const inVain = place && (now.active.includes(jobId) || positionOf(now, place) === null);
    if (!inVain) return { now, place };
    await waiters.forget([jobId]);
    return { now, place: undefined };
  }

  /** One try to line up. It has failed when neither `position` nor `active` has the job: its number was lost. */
  async function lineUp({ lane, jobId, batch, limit }: Entrant): Promise<Entered> {
    let { now, place } = await look(lane, jobId);
    if (now.active.includes(jobId)) return { lane: now, admitted: [jobId], position: null };
    if (!place) {
      [place] = await takeNumbers(lane, batch ? 'batch' : 'single', [jobId]);
      if (!(place && (await waiters.stand(place, jobId)))) return { lane: now, admitted: [], position: null };
      now = await readOrMake(lane);
    }
    const filled = await fill(now, limit);
    const isIn = filled.lane.active.includes(jobId);
    return { ...filled, position: isIn ? null : positionOf(filled.lane, place) };
  }

  /** Those of these jobs that stand in line. One that stands where its turn has passed is taken away. */
  async function standingIn(lane: string, jobIds: readonly string[]): Promise<ReadonlySet<string>> {
    const places = [...(await waiters.find(jobIds))];
    const now = await readOrMake(lane);
    const [inVain, standing] = [[] as string[], new Set<string>()];
    for (const [jobId, place] of places) {
      if (positionOf(now, place) === null) inVain.push(jobId);
      else standing.add(jobId);
    }
    await waiters.forget(inVain);
    return standing;
  }

  return translateFaults({
    find: read,

    /** Where a job stands in line; null when it does not. */
    async positionOf(lane: string, jobId: string): Promise<number | null> {
      const place = (await waiters.find([jobId])).get(jobId);
      const now = place && (await read(lane));
      return now && !now.active.includes(jobId) ? positionOf(now, place) : null;
    },

    /** Notes jobs that wait for their upload. @returns false when there would be more than `most`. */
    async open(lane: string, jobIds: readonly string[], most: number): Promise<boolean> {
      if (jobIds.length > most) return false;
      const write = async () => {
        const { matchedCount } = await admissions.updateOne(
          { _id: lane, [`open.${most - jobIds.length}`]: { $exists: false } },
          { $addToSet: { open: { $each: [...jobIds] } }, $inc: { seq: 1 }, ...busy() },
        );
        return matchedCount > 0;
      };
      if (await write()) return true;
      await readOrMake(lane);
      return write();
    },

    /**
     * Lets a job in, or lines it up. May be repeated.
     * @returns the lane then, and all who got in by this call: whoever was let in by another is told by that one.
     */
    async enter(entrant: Entrant): Promise<Entered> {
      const admitted: string[] = [];
      for (;;) {
        const atOnce = await enterAtOnce(entrant);
        if (atOnce) return { lane: atOnce, admitted: [...admitted, entrant.jobId], position: null };
        const tried = await lineUp(entrant);
        admitted.push(...tried.admitted);
        const isIn = tried.position !== null || tried.lane.active.includes(entrant.jobId);
        if (isIn) return { ...tried, admitted };
      }
    },

    /** The same for many jobs of a batch at a time. @returns the lane then, and all who got in by this call. */
    async enterMany({ lane, jobIds, limit }: Entrants): Promise<Filled> {
      let standing: ReadonlySet<string> = new Set();
      for (;;) {
        const now = await readOrMake(lane);
        const fresh = jobIds.filter((jobId) => !standing.has(jobId) && !now.active.includes(jobId));
        if (fresh.length === 0) return fill(now, limit);
        const stand = await waiters.standAll(await takeNumbers(lane, 'batch', fresh), fresh);
        standing = stand ? new Set([...standing, ...fresh]) : await standingIn(lane, jobIds);
      }
    },

    /** Takes jobs out, wherever they are. May be repeated. @returns who got in for them. */
    async leave(lane: string, jobIds: readonly string[], limit: number): Promise<string[]> {
      const $in = [...jobIds];
      const leaving = { $pull: { open: { $in }, active: { $in } }, $inc: { seq: 1 } };
      const left = await admissions.findOneAndUpdate({ _id: lane }, leaving);
      if (!left) return [];
      const known = new Set([...left.open, ...left.active]);
      const others = jobIds.filter((jobId) => !known.has(jobId));
      let now = left.single ? without(left, new Set(jobIds)) : await read(lane);
      if (now && others.length > 0 && hasQueue(now)) {
        await waiters.forget(others);
        // Whoever is about to let them in has read the lane before, or finds them gone.
        now = await admissions.findOneAndUpdate({ _id: lane }, leaving, after);
      }
      return now ? (await fill(now, limit)).admitted : [];
    },

    /** Gives free places to those who wait. @returns who got in. */
    async fill(lane: Admission, limit: number): Promise<string[]> {
      return (await fill(lane, limit)).admitted;
    },
  });
}

/** The lane as it is once these jobs have left. */
function without(lane: Admission, jobIds: ReadonlySet<string>): Admission {
  const stays = (jobId: string) => !jobIds.has(jobId);
  return { ...lane, open: lane.open.filter(stays), active: lane.active.filter(stays), seq: lane.seq + 1 };
}
