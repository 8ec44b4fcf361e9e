import { type Admission, hasQueue, nextPlaces, type Place, type Queue } from '../../domain/jobs/admission.ts';
import type { Collections } from '../mongo/mongo.ts';
import type { Waiters } from './waiters.ts';

export interface Filled {
  admission: Admission;
  /** Jobs that may begin from now on. */
  admitted: string[];
}

interface FillPorts extends Pick<Collections, 'admissions'> {
  waiters: Pick<Waiters, 'call' | 'clear'>;
  read(concurrencyKey: string): Promise<Admission | null>;
}

/** The most numbers that are called at a time. */
const MOST_CALLED = 500;

/** Lets in those whose turn it is. */
export function createFill({ admissions, waiters, read }: FillPorts) {
  /** Gives free places to those who wait. @returns the admission afterwards, and who got in. */
  async function fill(admission: Admission, limit: number): Promise<Filled> {
    const admitted: string[] = [];
    let reach = 1;
    for (let now: Admission | null = admission; now; ) {
      const free = limit - now.active.length;
      if (free <= 0 || !hasQueue(now)) return { admission: now, admitted };
      const round = await called(now, free, reach);
      const changed: Admission | null = await admissions.findOneAndUpdate(
        { _id: now._id, seq: now.seq },
        {
          $push: { active: { $each: round.jobIds } },
          $inc: { ...passed('single', round.places), ...passed('batch', round.places), seq: 1 },
        },
        { returnDocument: 'after' },
      );
      if (changed) {
        admitted.push(...round.jobIds);
        await waiters.clear(changed, new Set(round.places.map(({ queue }) => queue)));
        // Where many have left, more are called at a time.
        reach = Math.min(reach * 4, MOST_CALLED);
      }
      now = changed ?? (await read(now._id));
    }
    return { admission, admitted };
  }

  /** As many of those whose turn it is as there are free places, and all numbers up to the last of them. */
  async function called(admission: Admission, free: number, reach: number) {
    const next = nextPlaces(admission, Math.min(Math.max(free, reach), MOST_CALLED));
    const jobs = await waiters.call(next);
    const places: Place[] = [];
    const jobIds: string[] = [];
    for (const [i, place] of next.entries()) {
      if (jobIds.length === free) break;
      places.push(place);
      const jobId = jobs[i] ?? null;
      if (jobId !== null && !admission.active.includes(jobId)) jobIds.push(jobId);
    }
    return { places, jobIds };
  }

  return fill;
}

/** What an update says about a queue of which these numbers have had their turn. */
function passed(queue: Queue, places: readonly Place[]): Record<string, number> {
  const count = places.filter((place) => place.queue === queue).length;
  return count === 0 ? {} : { [`${queue}.head`]: count, [`${queue}.waiting`]: -count };
}
