import {
  type Admission,
  hasQueue,
  nextTickets,
  type Queue,
  type Ticket,
} from '../../domain/jobs/admission.ts';
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
const MAX_CALLED = 500;

/** Lets in those whose turn it is. */
export function createFill({ admissions, waiters, read }: FillPorts) {
  /** Gives free tickets to those who wait. @returns the admission afterwards, and who got in. */
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
          $inc: { ...passed('single', round.tickets), ...passed('batch', round.tickets), seq: 1 },
        },
        { returnDocument: 'after' },
      );
      if (changed) {
        admitted.push(...round.jobIds);
        await waiters.clear(changed, new Set(round.tickets.map(({ queue }) => queue)));
        // Where many have left, more are called at a time.
        reach = Math.min(reach * 4, MAX_CALLED);
      }
      now = changed ?? (await read(now._id));
    }
    return { admission, admitted };
  }

  /** As many of those whose turn it is as there are free tickets, and all numbers up to the last of them. */
  async function called(admission: Admission, free: number, reach: number) {
    const next = nextTickets(admission, Math.min(Math.max(free, reach), MAX_CALLED));
    const jobs = await waiters.call(next);
    const tickets: Ticket[] = [];
    const jobIds: string[] = [];
    for (const [i, ticket] of next.entries()) {
      if (jobIds.length === free) break;
      tickets.push(ticket);
      const jobId = jobs[i] ?? null;
      if (jobId !== null && !admission.active.includes(jobId)) jobIds.push(jobId);
    }
    return { tickets, jobIds };
  }

  return fill;
}

/** What an update says about a queue of which these numbers have had their turn. */
function passed(queue: Queue, tickets: readonly Ticket[]): Record<string, number> {
  const count = tickets.filter((ticket) => ticket.queue === queue).length;
  return count === 0 ? {} : { [`${queue}.head`]: count, [`${queue}.waiting`]: -count };
}
