import type { Filter } from 'mongodb';
import {
  type Admission,
  emptyAdmission,
  hasQueue,
  positionOf,
  type Queue,
  type Ticket,
} from '../../domain/jobs/admission.ts';
import { type Collections, insertIfAbsent, translateErrors } from '../mongo/mongo.ts';
import { createFill, type Filled } from './admission-fill.ts';
import { upgradeAdmission } from './admission-upgrade.ts';
import { createPositions } from './positions.ts';
import { createWaiters } from './waiters.ts';

/** A job on its way in. */
export interface Entrant {
  concurrencyKey: string;
  jobId: string;
  batch: boolean;
  /** How many of its concurrency key may convert at a time. */
  limit: number;
}

/** Jobs of one batch on their way in. */
export interface Entrants extends Pick<Entrant, 'concurrencyKey' | 'limit'> {
  jobIds: readonly string[];
}

interface Entered extends Filled {
  /** Where the job stands in line; null when it does not. */
  position: number | null;
}

/** An admission in which something happens is looked at this long after. */
const CHECK_MS = 15_000;
/** A job that asks for a place again and again is told its true position if no more numbers come before it. */
const COUNTED = 2000;

export type AdmissionRepository = ReturnType<typeof createAdmissionRepository>;

/**
 * The admissions. Each change is one conditional update of the one document of its key; who waits stands in a
 * document of its own. A job takes a number from the admission, then stands at it: if it does not get there, the
 * number is closed when its turn comes.
 */
export function createAdmissionRepository({
  admissions,
  waiters: collection,
}: Pick<Collections, 'admissions' | 'waiters'>) {
  const after = { returnDocument: 'after' } as const;
  const waiters = createWaiters({ waiters: collection });
  const busy = () => ({ $min: { checkAt: new Date(Date.now() + CHECK_MS) } });

  async function read(concurrencyKey: string): Promise<Admission | null> {
    return upgradeAdmission({ admissions, waiters }, await admissions.findOne({ _id: concurrencyKey }));
  }

  const truePosition = createPositions(waiters);
  const fill = createFill({ admissions, waiters, read });

  async function readOrMake(concurrencyKey: string): Promise<Admission> {
    for (;;) {
      const found = await read(concurrencyKey);
      if (found) return found;
      await insertIfAbsent(
        admissions,
        emptyAdmission(concurrencyKey, Date.now(), new Date(Date.now() + CHECK_MS)),
      );
    }
  }

  /** The usual way in: a ticket is free and nobody was there before. */
  function enterDirectly({ concurrencyKey, jobId, batch, limit }: Entrant): Promise<Admission | null> {
    const filter: Filter<Admission> = {
      _id: concurrencyKey,
      active: { $ne: jobId },
      [`active.${limit - 1}`]: { $exists: false },
      'single.waiting': 0,
      ...(batch && { 'batch.waiting': 0 }),
    };
    const update = { $pull: { open: jobId }, $push: { active: jobId }, $inc: { seq: 1 }, ...busy() };
    return admissions.findOneAndUpdate(filter, update, after);
  }

  /** Takes the next numbers of a queue for jobs that wait no longer for their upload. */
  async function takeTickets(
    concurrencyKey: string,
    queue: Queue,
    jobIds: readonly string[],
  ): Promise<Ticket[]> {
    const count = jobIds.length;
    const taken = await admissions.findOneAndUpdate(
      { _id: concurrencyKey },
      {
        $pull: { open: { $in: [...jobIds] } },
        $inc: { [`${queue}.waiting`]: count, seq: 1 },
        ...busy(),
      },
      after,
    );
    if (!taken) return [];
    const { head, waiting } = taken[queue];
    return jobIds.map((_, i) => ({ concurrencyKey, queue, number: head + waiting - count + i }));
  }

  /** The admission, and where a job stands in it. A job that stands where its turn has passed stands nowhere. */
  async function look(
    concurrencyKey: string,
    jobId: string,
  ): Promise<{ now: Admission; ticket: Ticket | undefined }> {
    const ticket = (await waiters.find([jobId])).get(jobId);
    const now = await readOrMake(concurrencyKey);
    const isStale = ticket && (now.active.includes(jobId) || positionOf(now, ticket) === null);
    if (!isStale) return { now, ticket };
    await waiters.forget([jobId]);
    return { now, ticket: undefined };
  }

  /** One try to line up. It has failed when neither `position` nor `active` has the job: its number was lost. */
  async function enqueue({ concurrencyKey, jobId, batch, limit }: Entrant): Promise<Entered> {
    let { now, ticket } = await look(concurrencyKey, jobId);
    if (now.active.includes(jobId)) return { admission: now, admitted: [jobId], position: null };
    if (!ticket) {
      [ticket] = await takeTickets(concurrencyKey, batch ? 'batch' : 'single', [jobId]);
      if (!(ticket && (await waiters.enqueue(ticket, jobId))))
        return { admission: now, admitted: [], position: null };
      now = await readOrMake(concurrencyKey);
    }
    const filled = await fill(now, limit);
    const isIn = filled.admission.active.includes(jobId);
    return { ...filled, position: isIn ? null : await truePosition(filled.admission, ticket, COUNTED) };
  }

  /** Those of these jobs that stand in line. One that stands where its turn has passed is taken away. */
  async function waitingAmong(
    concurrencyKey: string,
    jobIds: readonly string[],
  ): Promise<ReadonlySet<string>> {
    const tickets = [...(await waiters.find(jobIds))];
    const now = await readOrMake(concurrencyKey);
    const [inVain, standing] = [[] as string[], new Set<string>()];
    for (const [jobId, ticket] of tickets) {
      if (positionOf(now, ticket) === null) inVain.push(jobId);
      else standing.add(jobId);
    }
    await waiters.forget(inVain);
    return standing;
  }

  return translateErrors({
    find: read,

    /** Where a job stands in line; null when it does not. */
    async positionOf(concurrencyKey: string, jobId: string): Promise<number | null> {
      const ticket = (await waiters.find([jobId])).get(jobId);
      const now = ticket && (await read(concurrencyKey));
      return now && !now.active.includes(jobId) ? truePosition(now, ticket) : null;
    },

    /** Notes jobs that wait for their upload. @returns false when there would be more than `most`. */
    async open(concurrencyKey: string, jobIds: readonly string[], most: number): Promise<boolean> {
      if (jobIds.length > most) return false;
      const write = async () => {
        const { matchedCount } = await admissions.updateOne(
          { _id: concurrencyKey, [`open.${most - jobIds.length}`]: { $exists: false } },
          { $addToSet: { open: { $each: [...jobIds] } }, $inc: { seq: 1 }, ...busy() },
        );
        return matchedCount > 0;
      };
      if (await write()) return true;
      await readOrMake(concurrencyKey);
      return write();
    },

    /**
     * Lets a job in, or lines it up. May be repeated.
     * @returns the admission then, and all who got in by this call: whoever was let in by another is told by that one.
     */
    async enter(entrant: Entrant): Promise<Entered> {
      const admitted: string[] = [];
      for (;;) {
        const atOnce = await enterDirectly(entrant);
        if (atOnce) return { admission: atOnce, admitted: [...admitted, entrant.jobId], position: null };
        const tried = await enqueue(entrant);
        admitted.push(...tried.admitted);
        const isIn = tried.position !== null || tried.admission.active.includes(entrant.jobId);
        if (isIn) return { ...tried, admitted };
      }
    },

    /** The same for many jobs of a batch at a time. @returns the admission then, and all who got in by this call. */
    async enterMany({ concurrencyKey, jobIds, limit }: Entrants): Promise<Filled> {
      let standing: ReadonlySet<string> = new Set();
      for (;;) {
        const now = await readOrMake(concurrencyKey);
        const fresh = jobIds.filter((jobId) => !standing.has(jobId) && !now.active.includes(jobId));
        if (fresh.length === 0) return fill(now, limit);
        const stand = await waiters.enqueueAll(await takeTickets(concurrencyKey, 'batch', fresh), fresh);
        standing = stand ? new Set([...standing, ...fresh]) : await waitingAmong(concurrencyKey, jobIds);
      }
    },

    /** Takes jobs out, wherever they are. May be repeated. @returns who got in for them. */
    async leave(concurrencyKey: string, jobIds: readonly string[], limit: number): Promise<string[]> {
      const $in = [...jobIds];
      const leaving = { $pull: { open: { $in }, active: { $in } }, $inc: { seq: 1 } };
      const left = await admissions.findOneAndUpdate({ _id: concurrencyKey }, leaving);
      if (!left) return [];
      const known = new Set([...left.open, ...left.active]);
      const others = jobIds.filter((jobId) => !known.has(jobId));
      let now = left.single ? without(left, new Set(jobIds)) : await read(concurrencyKey);
      if (now && others.length > 0 && hasQueue(now)) {
        await waiters.forget(others);
        // Whoever is about to let them in has read the admission before, or finds them gone.
        now = await admissions.findOneAndUpdate({ _id: concurrencyKey }, leaving, after);
      }
      return now ? (await fill(now, limit)).admitted : [];
    },

    /** Gives free tickets to those who wait. @returns who got in. */
    async fill(admission: Admission, limit: number): Promise<string[]> {
      return (await fill(admission, limit)).admitted;
    },
  });
}

/** The admission as it is once these jobs have left. */
function without(admission: Admission, jobIds: ReadonlySet<string>): Admission {
  const stays = (jobId: string) => !jobIds.has(jobId);
  return {
    ...admission,
    open: admission.open.filter(stays),
    active: admission.active.filter(stays),
    seq: admission.seq + 1,
  };
}
